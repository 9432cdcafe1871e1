// SPDX-License-Identifier: Apache-2.0
// What every test compares with: onnxruntime-node, run directly, one thread, all optimisations, no code of ortserve.
// Sessions stay open until the process ends, one per file.
process.env.ORT_DISABLE_TELEMETRY = "1";
const { InferenceSession, Tensor } = await import("onnxruntime-node");

export type ReferenceTensor = InstanceType<typeof Tensor>;
type Session = Awaited<ReturnType<typeof InferenceSession.create>>;

const sessions = new Map<string, Promise<Session>>();

/** The session of a model file: for its `inputNames`, `outputNames` and metadata, or to run it again and again. */
export function referenceSession(path: string): Promise<Session> {
  const known = sessions.get(path);
  if (known) return known;
  const opened = InferenceSession.create(path, {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    logSeverityLevel: 4,
  });
  sessions.set(path, opened);
  return opened;
}

/**
 * Outputs of one run. Feeds are made with {@link tensor} or {@link floats}. `outputs`: only these, needed where the others
 * are sequences or maps, which onnxruntime-node cannot give. FP16 travels as Uint16Array; BF16 is not available at all.
 */
export async function reference(
  path: string,
  feeds: Record<string, ReferenceTensor>,
  outputs?: readonly string[],
): Promise<Record<string, ReferenceTensor>> {
  const session = await referenceSession(path);
  const results = await session.run(feeds, [...(outputs ?? session.outputNames)]);
  return results as Record<string, ReferenceTensor>;
}

/** A feed of any type, by its onnxruntime-node name: `tensor("int64", [2], [1n, 2n])`, `tensor("string", [1], ["a"])`. */
export function tensor(type: ReferenceTensor["type"], dims: readonly number[], data: unknown): ReferenceTensor {
  return new Tensor(type as "float32", data as Float32Array, dims);
}

/** An FP32 feed. */
export function floats(dims: readonly number[], data: ArrayLike<number>): ReferenceTensor {
  return tensor("float32", dims, Float32Array.from(data));
}
