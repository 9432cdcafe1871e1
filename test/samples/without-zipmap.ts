// SPDX-License-Identifier: Apache-2.0
// onnxruntime-node cannot give sequences of maps: a model that ends in ZipMap is run up to the tensor before it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import onnxProto from "onnx-proto";

const { onnx } = onnxProto;

export interface OpenedMaps {
  /** A model file that has each map output as a tensor [rows, keys] of the same name. */
  readonly path: string;
  /** Keys of each map output, in the order of the tensor's columns. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

/** Writes a copy of `model` without its ZipMap nodes into a temporary directory, which goes when the process ends. */
export function withoutZipmap(model: URL): OpenedMaps {
  const message = onnx.ModelProto.decode(readFileSync(model));
  const graph = message.graph as NonNullable<typeof message.graph>;
  const keys = new Map<string, string[]>();
  const floatType = { tensorType: { elemType: onnx.TensorProto.DataType.FLOAT } };
  for (const node of graph.node ?? []) {
    if (node.opType !== "ZipMap") continue;
    const names = node.attribute?.find(({ name }) => name === "classlabels_strings")?.strings ?? [];
    const output = node.output?.[0] as string;
    keys.set(
      output,
      names.map((name) => Buffer.from(name).toString()),
    );
    Object.assign(node, { opType: "Identity", domain: "", attribute: [] });
    const declared = graph.output?.find(({ name }) => name === output);
    if (declared) declared.type = onnx.TypeProto.create(floatType);
  }
  const directory = mkdtempSync(join(tmpdir(), "ortserve-"));
  process.on("exit", () => rmSync(directory, { recursive: true }));
  const path = join(directory, "model.onnx");
  writeFileSync(path, onnx.ModelProto.encode(message).finish());
  return { path, keys };
}
