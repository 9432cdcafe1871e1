// SPDX-License-Identifier: Apache-2.0
// What single features gain or cost: ortserve against itself with the feature off, in the same interleaved windows.
import { availableParallelism } from "node:os";
import type { Encoding } from "../workloads.js";

export interface Variant {
  readonly id: string;
  readonly title: string;
  /** `config.yaml` of the model. */
  readonly config: string;
  /** Further options of `ortserve serve`. */
  readonly flags?: readonly string[];
  /** Another server than ortserve, by its id in compare/servers.ts. */
  readonly server?: "hello";
  /** The model is loaded anew over and over during the window. */
  readonly reloads?: boolean;
  /** Share of the rows that are recorded, as `--record-rate` takes it. */
  readonly records?: string;
}

export interface Feature {
  readonly id: string;
  readonly title: string;
  readonly model: string;
  readonly encoding: Encoding;
  readonly connections: number;
  /** Every request carries other numbers. Else all are the same. */
  readonly unique: boolean;
  /** Server and load generator have half of the cores each, instead of all of them together. */
  readonly apart?: true;
  readonly variants: readonly Variant[];
  readonly goals: readonly FeatureGoal[];
}

/** `of` compared with `to`: `share` is percent of its requests/s, `times` a multiple of them, `failed` a count. */
export interface FeatureGoal {
  readonly text: string;
  readonly unit: "%" | "x" | "";
  readonly target: number;
  /** Default: requests/s. CPU time per request of the server alone leaves out the load generator, which shares its cores. */
  readonly by?: "cpu";
  readonly of: string;
  /** Of several, the best. */
  readonly to?: readonly string[];
}

const explicit = ["--control", "explicit", "--load-model", "*"];
const off: Variant = { id: "off", title: "cache off", config: "" };
const hit: Variant = { id: "hit", title: "cache on: hits", config: "cache: true\n" };
const hello: Variant = { id: "hello", title: "uWebSockets.js hello world", config: "", server: "hello" };
const single: Variant = { id: "single", title: "max_batch_rows: 1", config: "max_batch_rows: 1\n" };
const batched: Variant = { id: "batched", title: "batching as found at load", config: "" };
const apart = "server and load generator on cores of their own";
const batchingText = "dynamic batching: requests/s over max_batch_rows 1";
const batchingCpuText = "dynamic batching: requests per CPU second of the server over max_batch_rows 1";
const batchingApartText = "dynamic batching, load generator on cores of its own: requests/s over max_batch_rows 1";
const autoText = "max_delay_ms auto: requests/s of the best fixed setting";
const missText = "prediction cache, unique inputs: requests/s of cache off";

/** As many as there are cores for, and two anyway. */
const threads: readonly Variant[] = [1, 2, 4, 8]
  .filter((count) => count <= Math.max(2, availableParallelism()))
  .map((count) => ({
    ...{ id: String(count), title: `--http-threads ${count}`, config: "", flags: ["--http-threads", String(count)] },
  }));

export const features: readonly Feature[] = [
  {
    ...{ id: "cache-hit", title: "MLP 784-512-512-10, one input over and over", model: "mlp_mid" },
    ...{ encoding: "binary", connections: 64, unique: false },
    variants: [off, hit, hello],
    goals: [
      {
        text: "prediction cache, hits: requests/s of uWS hello world",
        unit: "%",
        target: 85,
        of: "hit",
        to: ["hello"],
      },
    ],
  },
  {
    ...{ id: "cache-hit-json", title: "MLP 784-512-512-10, one input over and over, JSON", model: "mlp_mid" },
    ...{ encoding: "instances", connections: 64, unique: false },
    variants: [off, hit, hello],
    goals: [],
  },
  {
    ...{ id: "cache-hit-apart", title: `MLP 784-512-512-10, one input over and over, ${apart}`, model: "mlp_mid" },
    ...{ encoding: "binary", connections: 64, unique: false, apart: true },
    variants: [off, hit, hello],
    goals: [],
  },
  {
    ...{ id: "cache-miss", title: "MLP 784-512-512-10, unique inputs", model: "mlp_mid" },
    ...{ encoding: "instances", connections: 64, unique: true },
    variants: [
      off,
      { id: "miss", title: "cache on: misses", config: "cache: true\n" },
      { id: "full", title: "cache on and full: misses and evictions", config: "cache: { max_bytes: 262144 }\n" },
      { id: "large", title: "the same, 16 MiB: in no cache of a core", config: "cache: { max_bytes: 16777216 }\n" },
    ],
    goals: [{ text: missText, unit: "%", target: 97, of: "full", to: ["off"] }],
  },
  {
    ...{ id: "batching", title: "MLP 784-512-512-10, one row, binary", model: "mlp_mid" },
    ...{ encoding: "binary", connections: 64, unique: false },
    variants: [
      single,
      batched,
      { id: "auto", title: "max_delay_ms: auto", config: "max_delay_ms: auto\n" },
      { id: "short", title: "max_delay_ms: 0.2", config: "max_delay_ms: 0.2\n" },
      { id: "long", title: "max_delay_ms: 1", config: "max_delay_ms: 1\n" },
    ],
    goals: [
      { text: batchingText, unit: "x", target: 3, of: "batched", to: ["single"] },
      { text: batchingCpuText, unit: "x", target: 3, by: "cpu", of: "batched", to: ["single"] },
      { text: autoText, unit: "%", target: 90, of: "auto", to: ["batched", "short", "long"] },
    ],
  },
  {
    ...{ id: "batching-apart", title: `MLP 784-512-512-10, one row, binary, ${apart}`, model: "mlp_mid" },
    ...{ encoding: "binary", connections: 64, unique: false, apart: true },
    variants: [single, batched],
    goals: [{ text: batchingApartText, unit: "x", target: 3, of: "batched", to: ["single"] }],
  },
  {
    ...{ id: "swap", title: "MLP 784-512-512-10, one row, while the model is loaded anew", model: "mlp_mid" },
    ...{ encoding: "instances", connections: 64, unique: false },
    variants: [
      { id: "still", title: "no reload", config: "" },
      { id: "swap", title: "reloads, one after another", config: "", flags: explicit, reloads: true },
    ],
    goals: [{ text: "reload under load: failed requests", unit: "", target: 0, of: "swap" }],
  },
  {
    ...{ id: "record", title: "MLP 784-512-512-10, one row, binary, samples recorded", model: "mlp_mid" },
    ...{ encoding: "binary", connections: 64, unique: false },
    variants: [
      { id: "off", title: "no recording", config: "" },
      { id: "usual", title: "--record-rate 1%", config: "", records: "1%" },
      { id: "all", title: "--record-rate 100%", config: "", records: "100%" },
    ],
    goals: [],
  },
  {
    ...{ id: "threads-tiny", title: "MLP 4-16-3, one row, JSON, by HTTP threads", model: "mlp_tiny" },
    ...{ encoding: "instances", connections: 64, unique: false },
    variants: threads,
    goals: [],
  },
  {
    ...{ id: "threads-mid", title: "MLP 784-512-512-10, one row, JSON, by HTTP threads", model: "mlp_mid" },
    ...{ encoding: "instances", connections: 64, unique: false },
    variants: threads,
    goals: [],
  },
];
