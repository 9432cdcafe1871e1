// SPDX-License-Identifier: Apache-2.0
// One embedded predict from prepared inputs to a settled promise: options, abort, timeout, transfer.
import { setMaxListeners } from "node:events";
import { OrtserveError } from "../errors.js";
import { CacheUse, type NativeTensor } from "../native/binding.js";
import type { PreparedBody } from "./media-body.js";
import type { Model, ModelMetadata } from "./model.js";
import type { ModelPort, OutputHandler } from "./model-port.js";
import { type CallSite, errorAt } from "./native-error.js";
import { didYouMean } from "./nearest-name.js";
import { checkOptions, type OptionTable } from "./option-check.js";
import { type OutputValue, outputValue } from "./outputs.js";
import type { BodyDecoder } from "./prepared-inputs.js";
import { lendable } from "./transfer.js";

export interface PredictOptions {
  /** Names of the outputs to return; the model need not compute the others. Default: all. */
  outputs?: readonly string[];
  /** Aborting rejects with ERR_CANCELLED (the signal's reason is the cause) and drops the call if it still waits. */
  signal?: AbortSignal;
  /** After this many milliseconds the call rejects with ERR_DEADLINE_EXCEEDED; a hopeless deadline is refused at once. */
  timeoutMs?: number;
  /**
   * Hand the input memory over instead of copying it, as postMessage does: the ArrayBuffers are detached, with every view on
   * them. SharedArrayBuffers cannot be detached: with `transfer` they are read in place, and must not be written before
   * the call has settled.
   */
  transfer?: boolean;
  /** Of a model with a prediction cache: "refresh" runs it and stores the result, "bypass" does neither. Default: "use". */
  cache?: keyof typeof CacheUse;
}

const predictOptionTable: OptionTable<PredictOptions> = {
  outputs: { kind: "custom", check: (value) => (Array.isArray(value) ? undefined : "an array of output names") },
  signal: { kind: "custom", check: (value) => (value instanceof AbortSignal ? undefined : "an AbortSignal") },
  timeoutMs: { kind: "number", min: 0.001, max: 86_400_000 },
  transfer: { kind: "boolean" },
  cache: { kind: "choice", of: ["use", "refresh", "bypass"] },
};

type Outputs = Record<string, OutputValue>;

/** What a call brings: one tensor per input, or what `preprocess` takes. */
export type CallInputs = (NativeTensor | undefined)[] | PreparedBody;

/** Queues the call and settles it exactly once. Throws, with nothing changed, when an option is wrong. */
export function startPredict(
  port: ModelPort,
  model: Model,
  inputs: CallInputs,
  options: PredictOptions,
  site: CallSite,
  resolve: (outputs: Outputs) => void,
  reject: (error: unknown) => void,
): void {
  checkOptions("predict", options, predictOptionTable);
  const { signal, timeoutMs } = options;
  const wanted = wantedOutputs(model.metadata, options.outputs);
  if (signal?.aborted) throw cancelled(site, signal);

  let settled = false;
  let timer: NodeJS.Timeout | undefined;
  const settle = (finish: () => void) => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    finish();
  };
  const giveUp = (error: OrtserveError) => {
    settle(() => reject(error));
    port.cancel(ticket);
  };
  const onAbort = () => giveUp(cancelled(site, signal as AbortSignal));
  const handler: OutputHandler = {
    outputs: (values) => settle(() => resolve(namedOutputs(model.metadata, wanted, values.map(outputValue)))),
    fail: (code, message) => settle(() => reject(errorAt(site, code, message))),
  };

  const cacheUse = CacheUse[options.cache ?? "use"];
  const timeout = (timeoutMs ?? 0) * 1000;
  let ticket = 0;
  if (Array.isArray(inputs)) {
    const memory = options.transfer ? lendable(inputs) : inputs;
    ticket = port.predict(model, memory, wanted, options.transfer ?? false, timeout, handler, cacheUse);
  } else {
    ticket = port.predictPrepared(model, inputs, wanted, timeout, handler, cacheUse);
  }
  if (signal) listen(signal, onAbort);
  if (timeoutMs !== undefined) {
    const late = () => giveUp(errorAt(site, "ERR_DEADLINE_EXCEEDED", `no result after ${timeoutMs} ms`));
    timer = setTimeout(late, timeoutMs);
  }
}

function listen(signal: AbortSignal, onAbort: () => void): void {
  // One signal for many calls is normal use, not the leak that Node would warn of.
  setMaxListeners(0, signal);
  signal.addEventListener("abort", onAbort, { once: true });
}

function wantedOutputs(metadata: ModelMetadata, names: readonly string[] | undefined): number[] {
  if (names === undefined) return [];
  const known = metadata.outputs.map((output) => output.name);
  if (names.length === 0) throw invalidInput(`expected at least one output name; the model gives ${known.join(", ")}`);
  const indices = names.map((name) => {
    const index = known.indexOf(name);
    if (index >= 0) return index;
    throw invalidInput(
      `unknown output '${String(name)}'${didYouMean(String(name), known)}; the model gives ${known.join(", ")}`,
    );
  });
  if (new Set(indices).size < indices.length) throw invalidInput(`an output is named twice in ${names.join(", ")}`);
  return indices;
}

function namedOutputs(metadata: ModelMetadata, wanted: number[], values: OutputValue[]): Outputs {
  const outputs: Outputs = {};
  for (const [i, value] of values.entries()) {
    const spec = metadata.outputs[wanted.length > 0 ? (wanted[i] ?? -1) : i];
    if (spec) own(outputs, spec.name, value);
  }
  return outputs;
}

/** Sets a member of its own, where assigning to `__proto__` would set the prototype. */
function own(outputs: Outputs, name: string, value: OutputValue): void {
  if (name !== "__proto__") outputs[name] = value;
  else Object.defineProperty(outputs, name, { value, writable: true, enumerable: true, configurable: true });
}

function cancelled(site: CallSite, signal: AbortSignal): OrtserveError {
  return errorAt(site, "ERR_CANCELLED", "the call was aborted by its signal", { cause: signal.reason });
}

function invalidInput(message: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_INPUT", message);
}

/**
 * Takes what the call brings before it returns, decodes that, which takes a part of the call's time, and then queues the call.
 * Resolves once it is queued.
 */
export async function startPrepared(
  model: Model,
  options: PredictOptions,
  site: CallSite,
  take: (transfer: boolean) => BodyDecoder,
  start: (body: PreparedBody, options: PredictOptions) => void,
): Promise<void> {
  checkOptions("predict", options, predictOptionTable);
  const { signal, timeoutMs } = options;
  wantedOutputs(model.metadata, options.outputs); // a wrong option must leave the memory to the caller
  if (signal?.aborted) throw cancelled(site, signal);
  const startedAt = performance.now();
  const prepared = await take(options.transfer ?? false)();
  if (timeoutMs === undefined) return start(prepared, options);
  const left = timeoutMs - (performance.now() - startedAt);
  if (left < 0.001) throw errorAt(site, "ERR_DEADLINE_EXCEEDED", `no result after ${timeoutMs} ms`);
  start(prepared, { ...options, timeoutMs: left });
}
