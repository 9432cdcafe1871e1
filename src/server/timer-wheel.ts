// SPDX-License-Identifier: Apache-2.0
// Timeouts of many requests with one timer: arming and disarming are two pointer writes, no allocation, no system call.

/** Something that may time out. It is in at most one wheel, at most once. */
export abstract class WheelEntry {
  /** @internal */ wheelPrevious: WheelEntry | undefined;
  /** @internal */ wheelNext: WheelEntry | undefined;
  /** @internal */ wheelTick = 0;

  /** Called once, on the JS thread, after the entry has left the wheel. */
  abstract onTimeout(): void;
}

class Slot extends WheelEntry {
  constructor() {
    super();
    this.wheelPrevious = this;
    this.wheelNext = this;
  }
  override onTimeout(): void {}
}

/** A hashed timing wheel. An entry fires no earlier than its delay and at most two ticks later. */
export class TimerWheel {
  readonly #slots: Slot[];
  readonly #tickMs: number;
  readonly #startedAt = performance.now();
  #tick = 0;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(tickMs = 50, slots = 512) {
    this.#tickMs = tickMs;
    this.#slots = Array.from({ length: slots }, () => new Slot());
  }

  /** Entries that are waiting. */
  get size(): number {
    return this.#count;
  }

  /** Arms `entry` to fire after `delayMs`; an entry that is armed already is moved. */
  arm(entry: WheelEntry, delayMs: number): void {
    this.disarm(entry);
    if (this.#timer === undefined) this.#start();
    // One tick more, because the running tick may be all but over.
    entry.wheelTick = this.#now() + Math.ceil(delayMs / this.#tickMs) + 1;
    const slot = this.#slots[entry.wheelTick % this.#slots.length] as Slot;
    const last = slot.wheelPrevious as WheelEntry;
    entry.wheelPrevious = last;
    entry.wheelNext = slot;
    last.wheelNext = entry;
    slot.wheelPrevious = entry;
    this.#count++;
  }

  /** Takes `entry` out; nothing happens when it is not armed. */
  disarm(entry: WheelEntry): void {
    const { wheelPrevious: previous, wheelNext: next } = entry;
    if (previous === undefined || next === undefined) return;
    previous.wheelNext = next;
    next.wheelPrevious = previous;
    entry.wheelPrevious = undefined;
    entry.wheelNext = undefined;
    this.#count--;
  }

  /** Stops the timer and forgets every entry. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const slot of this.#slots) {
      while (slot.wheelNext !== slot) this.disarm(slot.wheelNext as WheelEntry);
    }
  }

  #now(): number {
    return Math.floor((performance.now() - this.#startedAt) / this.#tickMs);
  }

  #start(): void {
    this.#tick = this.#now();
    this.#timer = setInterval(() => this.#advance(), this.#tickMs).unref();
  }

  #advance(): void {
    const now = this.#now();
    // After a stall longer than one turn, one turn visits every slot; due entries are told by their tick.
    const from = Math.max(this.#tick + 1, now - this.#slots.length + 1);
    this.#tick = now;
    for (let tick = from; tick <= now; tick++) this.#fire(this.#slots[tick % this.#slots.length] as Slot, now);
    if (this.#count === 0) {
      clearInterval(this.#timer); // an idle server does not wake up
      this.#timer = undefined;
    }
  }

  #fire(slot: Slot, now: number): void {
    const due: WheelEntry[] = [];
    for (let entry = slot.wheelNext as WheelEntry; entry !== slot; entry = entry.wheelNext as WheelEntry) {
      if (entry.wheelTick <= now) due.push(entry);
    }
    for (const entry of due) {
      if (entry.wheelNext === undefined || entry.wheelTick > now) continue; // disarmed or moved by one that fired before
      this.disarm(entry);
      entry.onTimeout();
    }
  }
}
