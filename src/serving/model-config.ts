// SPDX-License-Identifier: Apache-2.0
// `config.yaml` of a model: every key is optional, whatever is left out is read from the ONNX file.
import { z } from "zod";
import { postprocessSchema } from "./postprocess-config.js";
import { preprocessSchema } from "./preprocess-config.js";
import { providerChoiceSchema } from "./provider-options.js";
import type { TensorCheck } from "./triton/tensor-checks.js";

const count = z.int().min(0);
const sizes = z.array(z.int().min(1).max(65536)).min(1);
const names = z.array(z.string().min(1));
const optionMap = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String));

const version = z.union(
  [z.int().min(1).transform(String), z.string().regex(/^[1-9][0-9]*$/, "expected a version number")],
  {
    error: "expected a version number",
  },
);

const label = z
  .string()
  .regex(
    /^(?!v?[0-9]+$)[^/%?#\s]+$/,
    "expected a label that does not look like a version, without '/', '%', '?' or '#'",
  );

export const modelConfigSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[^/%?#\s]+$/, "expected a name without '/', '%', '?', '#' or blanks")
    .optional()
    .describe("Name under which the model is served; its directory's name by default."),
  features: z
    .union([names, z.record(z.string(), names)], {
      error: "expected a list of names, or a map from input to such a list",
    })
    .optional()
    .describe("Names of the columns of the only input, or of each input: lets requests name features."),
  labels: z
    .union([names, z.string()], { error: "expected a list of names, or a file's path" })
    .optional()
    .describe("Class names in the order of the scores, or the path of a file with one name per line."),
  preprocess: preprocessSchema.optional().describe("What inputs are made of: images, named columns, sound."),
  postprocess: postprocessSchema.optional().describe("What becomes of outputs."),
  versions: z
    .union([z.literal("all"), z.strictObject({ latest: z.int().min(1) }), z.array(version).min(1)], {
      error: "expected all, {latest: N} or a list of version numbers",
    })
    .optional()
    .describe("Which versions are served: all of them, the latest N, or those of a list."),
  version_labels: z
    .record(label, version)
    .optional()
    .describe("Names for versions, such as {stable: 1, canary: 2}: /predict/NAME/canary."),
  model_file: z
    .string()
    .regex(/^[^/\\]+$/, "expected a file name without a directory")
    .optional()
    .describe("Name of the ONNX file in each version's directory; model.onnx by default."),
  default_version: version
    .optional()
    .describe("Version that answers when a request names none; the highest by default."),
  batching: z
    .enum(["auto", "off", "whole"])
    .optional()
    .describe(
      "auto: find out whether rows of different requests may run together; off: they never do; whole: dim 0 counts no rows, requests bring each input whole.",
    ),
  max_batch_rows: count.optional().describe("Rows of one batch; 0: from the cost curve measured at load."),
  max_delay_ms: z
    .union([z.number().min(0), z.literal("auto")], { error: "expected milliseconds, or auto" })
    .optional()
    .describe("How long a batch may wait for more rows; 0: not at all; auto: found from the traffic."),
  instances: count.optional().describe("Batches that run at the same time; 0: one per core."),
  intra_op_threads: count.optional().describe("Threads of one run; 0: 1."),
  providers: z
    .array(providerChoiceSchema)
    .optional()
    .describe("Execution providers in order of preference, such as [tensorrt, cuda, cpu]."),
  session_options: optionMap.optional().describe("Passed to ONNX Runtime as they are."),
  max_request_rows: count.optional().describe("Rows one request may carry; 0: no limit."),
  preferred_batch_rows: sizes.optional().describe("Batch sizes that run at once, without waiting for max_delay_ms."),
  pad_to: sizes.optional().describe("Fill each batch up to the next of these sizes with copies of its first row."),
  bucket_axes: z
    .record(
      z.string(),
      z.strictObject({
        sizes,
        pad_value: z.number().optional(),
        pad_values: z.record(z.string(), z.number()).optional(),
      }),
    )
    .optional()
    .describe(
      "Dynamic dims, by name, whose inputs are filled up to the next of a few sizes; only for models that mask the padding.",
    ),
  preserve_ordering: z.boolean().optional().describe("Answer requests in the order in which they came."),
  priority: z
    .strictObject({ levels: z.int().min(1).max(1000), default: z.int().min(1).optional() })
    .refine((value) => value.default === undefined || value.default <= value.levels, {
      error: "expected a default of at most 'levels'",
    })
    .optional()
    .describe("Levels of the queue, 1 is served first; the default level is the middle one."),
  queue: z
    .strictObject({
      max_rows: count.optional(),
      max_bytes: count.optional(),
      timeout_ms: z.number().min(0).max(3_600_000).optional(),
      on_timeout: z.enum(["reject", "delay"]).optional(),
    })
    .optional()
    .describe(
      "Rows that may wait in each priority level, and input bytes in all; how long a request may wait for its run, and what then.",
    ),
  deadline_ms: z
    .number()
    .min(0)
    .optional()
    .describe("Time a request may take when it does not say; 0: the server's own limit."),
  latency_objective_ms: z.number().min(0).optional().describe("Run time a batch should stay under; 0: none."),
  cache: z
    .union(
      [
        z.boolean(),
        z.strictObject({
          max_bytes: count.optional(),
          ttl_ms: z.number().min(0).optional(),
          shared: z.boolean().optional(),
        }),
      ],
      { error: "expected true, false or {max_bytes, ttl_ms, shared}" },
    )
    .optional()
    .describe(
      "Answer repeated inputs from the prediction cache; only for models that depend on nothing but their input.",
    ),
  warmup: z
    .strictObject({
      count: z.int().min(0).max(1000).optional(),
      requests: z
        .array(
          z.union([z.string().min(1), z.record(z.string(), z.unknown())], {
            error: "expected the body of a request, or the path of a JSON file",
          }),
        )
        .optional(),
    })
    .optional()
    .describe(
      "Requests, or JSON files of them in the model's directory, that run `count` times before the model takes requests.",
    ),
  record: z
    .boolean()
    .optional()
    .describe("false: the server never records what this model runs on, whatever its --record says."),
  inline_micros: count
    .optional()
    .describe("Requests cheaper than this run on the JS thread when nothing is queued; 0: never."),
});

export type ModelConfig = z.output<typeof modelConfigSchema>;

/** A provider entry of `config.yaml` with its defaults filled in. */
export interface ProviderConfig {
  name: string;
  options: Record<string, string>;
  required: boolean;
}

/** What a model's configuration says. */
export interface ConfigReading {
  config: ModelConfig;
  /** Where it stands, or would: for messages. */
  source: string;
  /** What it asks for and does not get, one sentence each. */
  notes: string[];
  /** What it says about the model that only the loaded model can confirm. */
  checks: TensorCheck[];
}

/** The providers of a config, each as an object. */
export function providersOf(config: ModelConfig): ProviderConfig[] {
  return (config.providers ?? []).map((entry) =>
    typeof entry === "string"
      ? { name: entry, options: {}, required: false }
      : { name: entry.name, options: entry.options ?? {}, required: entry.required ?? false },
  );
}
