// SPDX-License-Identifier: Apache-2.0
// The models under test: each one as a repository folder that ortserve serves and as the plain file its peers load.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { GraphBuilder } from "./graph.js";

const benchRoot = join(import.meta.dirname, "..");
const sampleRepository = join(benchRoot, "..", "models");

export interface BenchModel {
  readonly name: string;
  /** A model repository that holds this model alone. */
  readonly repository: string;
  readonly file: string;
  readonly input: string;
  /** Shape of the input without its batch dim. */
  readonly rowShape: readonly number[];
  readonly output: string;
  /** Runs the model on one row through onnxruntime-node; every server's numbers are checked against it. */
  run(row: Float32Array): Promise<Float32Array>;
}

const builders: Record<string, () => Uint8Array> = {
  mlp_tiny: () => new GraphBuilder(1).dense(4, 16).relu().dense(16, 3).finish([4], 3),
  mlp_mid: () => new GraphBuilder(2).dense(784, 512).relu().dense(512, 512).relu().dense(512, 10).finish([784], 10),
  image_pool: () => new GraphBuilder(3).channelMeans().dense(3, 10).finish([3, 224, 224], 10),
  cnn_heavy: heavyCnn,
};

/** 0.9 G multiply-adds per row: more than 5 ms on one core. */
function heavyCnn(): Uint8Array {
  const graph = new GraphBuilder(4).conv(3, 32, 1).relu().conv(32, 64, 2).relu();
  for (let i = 0; i < 4; i++) graph.conv(64, 64, 1).relu();
  graph.conv(64, 128, 2).relu();
  for (let i = 0; i < 5; i++) graph.conv(128, 128, 1).relu();
  return graph.channelMeans().dense(128, 10).finish([3, 96, 96], 10);
}

/**
 * Puts the model at `bench/.models/NAME/NAME/1/model.onnx`: generated here, or copied from the sample repository.
 * Returns undefined when it is neither generated nor in the sample repository.
 */
export async function prepareModel(name: string): Promise<BenchModel | undefined> {
  const repository = join(benchRoot, ".models", name);
  const file = join(repository, name, "1", "model.onnx");
  const sample = join(sampleRepository, name, "1", "model.onnx");
  const build = builders[name];
  if (build === undefined && !existsSync(sample)) return undefined;
  mkdirSync(dirname(file), { recursive: true });
  if (build === undefined) copyFileSync(sample, file);
  else writeFileSync(file, build());
  return describe(name, repository, file);
}

async function describe(name: string, repository: string, file: string): Promise<BenchModel> {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1 });
  const [input, output] = [session.inputNames[0], session.outputNames[0]];
  const metadata = session.inputMetadata[0];
  if (input === undefined || output === undefined || !metadata?.isTensor) throw new Error(`${file}: no tensor input`);
  const rowShape = metadata.shape.slice(1).map(Number);
  const run = async (row: Float32Array) => {
    const outputs = await session.run({ [input]: new Tensor("float32", row, [1, ...rowShape]) });
    return outputs[output]?.data as Float32Array;
  };
  return { name, repository, file, input, rowShape, output, run };
}
