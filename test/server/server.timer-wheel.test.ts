// SPDX-License-Identifier: Apache-2.0
// One timer for many timeouts: none early, none lost, none twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TimerWheel, WheelEntry } from "../../src/server/timer-wheel.js";
import { until } from "./raw-http.js";

class Entry extends WheelEntry {
  readonly armedAt = performance.now();
  firedAt = 0;
  fired = 0;
  readonly #then: (() => void) | undefined;

  constructor(then?: () => void) {
    super();
    this.#then = then;
  }

  override onTimeout(): void {
    this.fired++;
    this.firedAt = performance.now();
    this.#then?.();
  }
}

test("a disarmed entry never fires, and disarming twice is harmless", async () => {
  const wheel = new TimerWheel(1, 8);
  const [gone, marker] = [new Entry(), new Entry()];
  wheel.arm(gone, 2);
  wheel.disarm(gone);
  wheel.disarm(gone);
  wheel.arm(marker, 20);
  await until(() => marker.fired === 1);
  assert.equal(gone.fired, 0);
  assert.equal(wheel.size, 0);
  wheel.close();
});

test("no entry fires early or twice, whether its delay is shorter or longer than a turn of the wheel", async () => {
  const wheel = new TimerWheel(2, 8); // one turn: 16 ms
  const delays = [0, 1, 5, 15, 16, 17, 40, 100];
  const entries = delays.map((delay) => {
    const entry = new Entry();
    wheel.arm(entry, delay);
    return entry;
  });
  await until(() => entries.every(({ fired }) => fired > 0));
  for (const [i, { armedAt, firedAt, fired }] of entries.entries()) {
    assert.ok(firedAt - armedAt >= (delays[i] ?? 0), `${delays[i]} ms fired after ${firedAt - armedAt} ms`);
    assert.equal(fired, 1);
  }
  wheel.close();
});

test("time that passes while the event loop is blocked counts, and blocked loops do not make entries early", async () => {
  const wheel = new TimerWheel(1, 4);
  const before = new Entry();
  wheel.arm(before, 5);
  const end = performance.now() + 30;
  while (performance.now() < end); // the loop is blocked
  const later = new Entry();
  wheel.arm(later, 20);
  await until(() => later.fired === 1);
  assert.equal(before.fired, 1);
  assert.ok(later.firedAt - later.armedAt >= 20);
  wheel.close();
});

test("arming again moves an entry", async () => {
  const wheel = new TimerWheel(1, 8);
  const entry = new Entry();
  wheel.arm(entry, 2);
  wheel.arm(entry, 30);
  assert.equal(wheel.size, 1);
  await until(() => entry.fired === 1);
  assert.ok(entry.firedAt - entry.armedAt >= 30);
  wheel.close();
});

test("an entry may arm itself or disarm another while it fires", async () => {
  const wheel = new TimerWheel(1, 8);
  const victim = new Entry();
  const again: Entry = new Entry(() => {
    wheel.disarm(victim);
    if (again.fired < 3) wheel.arm(again, 1);
  });
  wheel.arm(again, 3);
  wheel.arm(victim, 3);
  await until(() => again.fired === 3);
  assert.equal(victim.fired, 0);
  wheel.close();
});

test("closing forgets everything", () => {
  const wheel = new TimerWheel(1, 8);
  for (let i = 0; i < 20; i++) wheel.arm(new Entry(), i);
  wheel.close();
  assert.equal(wheel.size, 0);
});
