// SPDX-License-Identifier: Apache-2.0
// Small graphs that show what an input became: identities, and a network over bytes.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import onnxProto from "onnx-proto";
import { fp32, model, node, seeded, value } from "../models/onnx.mjs";

const folder = mkdtempSync(join(tmpdir(), "ortserve-transform-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

type Dims = readonly (number | string)[];

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, bytes);
  return path;
}

/** Input "x" to output "y", unchanged; with `metadata` in the file. */
export function identity(type: string, dims: Dims, metadata: Readonly<Record<string, string>> = {}): string {
  const name = `identity_${type}_${[...dims, ...Object.values(metadata)].join("_")}`;
  const graph = { name, input: [value("x", type, dims)], output: [value("y", type, dims)] };
  return write(name, withMetadata(model({ ...graph, node: [node("Identity", ["x"], ["y"])] }), metadata));
}

function withMetadata(bytes: Uint8Array, metadata: Readonly<Record<string, string>>): Uint8Array {
  const message = onnxProto.onnx.ModelProto.decode(bytes);
  message.metadataProps = Object.entries(metadata).map(([key, text]) => ({ key, value: text }));
  return onnxProto.onnx.ModelProto.encode(message).finish();
}

/** Two inputs and two outputs: "image" to "image_out", "row" to "row_out". */
export function imageAndRow(): string {
  const image: Dims = ["batch", 2, 2, 3];
  const row: Dims = ["batch", 3];
  return write(
    "image_and_row",
    model({
      name: "image_and_row",
      input: [value("image", "uint8", image), value("row", "fp32", row)],
      output: [value("image_out", "uint8", image), value("row_out", "fp32", row)],
      node: [node("Identity", ["image"], ["image_out"]), node("Identity", ["row"], ["row_out"])],
    }),
  );
}

/** "image", UINT8 [batch,8,8,3], through a convolution to "scores", FP32 [batch,4]: bytes all the way into the graph. */
export function bytesNetwork(): string {
  return write(
    "bytes_network",
    model({
      name: "bytes_network",
      input: [value("image", "uint8", ["batch", 8, 8, 3])],
      output: [value("scores", "fp32", ["batch", 4])],
      initializer: [fp32("kernel", [4, 3, 3, 3], seeded(7, 108, 0.01))],
      node: [
        node("Transpose", ["image"], ["planes"], { perm: [0, 3, 1, 2] }),
        node("Cast", ["planes"], ["floats"], { to: 1 }),
        node("Conv", ["floats", "kernel"], ["conv"], { pads: [1, 1, 1, 1] }),
        node("GlobalAveragePool", ["conv"], ["pooled"]),
        node("Flatten", ["pooled"], ["scores"], { axis: 1 }),
      ],
    }),
  );
}

/**
 * Input "x", FP32 [batch,3], of a row of `width` whose `live` elements the graph takes, through a matrix to "y" [batch,2];
 * `metadata` in place of what says so.
 */
export function pruned(name: string, metadata: Readonly<Record<string, string>>): string {
  const bytes = model({
    name,
    input: [value("x", "fp32", ["batch", 3])],
    output: [value("y", "fp32", ["batch", 2])],
    initializer: [fp32("w", [3, 2], seeded(3, 6, 1))],
    node: [node("MatMul", ["x", "w"], ["y"])],
  });
  return write(name, withMetadata(bytes, metadata));
}
