// SPDX-License-Identifier: Apache-2.0
// Takes channels out of a model, or sets to zero what would go: the two must give the same outputs.
import type { NodeProto, ValueInfo } from "../onnx/messages.js";
import { withEntries } from "../onnx/metadata.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { dimsOf, intOf, setAttribute } from "../onnx/node.js";
import { type Constant, type ConstantChange, changeConstants, sliced, zeroed } from "./constants.js";
import type { Dependencies } from "./dependencies.js";
import { PortCut } from "./ports.js";
import type { CountEdit, SliceEdit } from "./tracer.js";

/** Which channels go. */
export class Removal {
  readonly #deps: Dependencies;
  readonly #gone: ReadonlySet<number>;

  /** `atoms`: at least one of each unit that goes. */
  constructor(deps: Dependencies, atoms: Iterable<number>) {
    this.#deps = deps;
    this.#gone = new Set(Array.from(atoms, (atom) => deps.atoms.root(atom)));
  }

  isGone(atom: number): boolean {
    return this.#gone.has(this.#deps.atoms.root(atom));
  }

  /** Positions of those that stay. */
  kept(atoms: readonly number[]): number[] {
    return atoms.flatMap((atom, i) => (this.isGone(atom) ? [] : [i]));
  }

  touches(atoms: readonly number[]): boolean {
    return atoms.some((atom) => this.isGone(atom));
  }
}

/** The model without these channels. `model` is that of the dependencies, or one with the same nodes and shapes. */
export function removeChannels(model: OnnxModel, deps: Dependencies, removal: Removal): OnnxModel {
  const edits = deps.edits.filter(({ atoms }) => removal.touches(atoms));
  const changes = edits.flatMap((edit) => {
    if (edit.kind === "slice") return sliceChange(edit, removal, sliced);
    return edit.kind === "count" ? countChange(edit, removal) : [];
  });
  const pruned = changeConstants(model, changes);
  const graph = pruned.proto.graph as NonNullable<typeof pruned.proto.graph>;
  const places = new Map(deps.graph.nodes.map((node, i) => [node, i]));
  for (const edit of edits) {
    if (edit.kind !== "group") continue;
    const node = graph.node[places.get(edit.node) as number] as NodeProto;
    if (intOf(node, "group", 1) > 1) setAttribute(node, "group", removal.kept(edit.atoms).length);
  }
  graph.valueInfo = []; // the shapes of what is inside; ONNX Runtime finds them itself
  const sizes = new Map(deps.ports.map(({ name, atoms }) => [name, removal.kept(atoms).length]));
  graph.input = graph.input.map((value) => resized(value, sizes));
  graph.output = graph.output.map((value) => resized(value, sizes));
  pruned.proto.metadataProps = withEntries(pruned.proto, new PortCut(deps, removal).metadata());
  return pruned;
}

/**
 * The whole model with the channels' weights at zero: of the "readers", or of the "makers" and all constants between them. Reading
 * nothing is the same as there being nothing, whatever lies between; making nothing is, where zero stays zero on the way.
 */
export function maskChannels(
  model: OnnxModel,
  deps: Dependencies,
  removal: Removal,
  where: "makers" | "readers",
): OnnxModel {
  const changes = deps.edits.flatMap((edit) => {
    if (edit.kind !== "slice" || (edit.role === "in") !== (where === "readers")) return [];
    return removal.touches(edit.atoms) ? sliceChange(edit, removal, zeroed) : [];
  });
  return changeConstants(model, changes);
}

function sliceChange(edit: SliceEdit, removal: Removal, apply: typeof sliced): ConstantChange[] {
  const { node, input, axis } = edit;
  const kept = removal.kept(edit.atoms);
  return [{ node, input, key: `${axis}:${kept.join()}`, apply: (constant) => apply(constant, axis, kept) }];
}

function countChange({ node, input, position, atoms }: CountEdit, removal: Removal): ConstantChange[] {
  const count = removal.kept(atoms).length;
  const apply = ({ dims, values }: Constant): Constant => {
    const copy = (values as BigInt64Array).slice();
    copy[position] = BigInt(count);
    return { dims, values: copy };
  };
  return [{ node, input, key: `${position}=${count}`, apply }];
}

/** Inputs and outputs have the channels in their last dim. */
function resized(value: ValueInfo, sizes: ReadonlyMap<string, number>): ValueInfo {
  const size = sizes.get(value.name ?? "");
  const dims = dimsOf(value);
  if (size === undefined || dims === undefined) return value;
  const tensorType = value.type?.tensorType;
  const dim = (tensorType?.shape?.dim ?? []).map((one, i) => (i === dims.length - 1 ? { dimValue: size } : one));
  return { ...value, type: { ...value.type, tensorType: { ...tensorType, shape: { dim } } } };
}
