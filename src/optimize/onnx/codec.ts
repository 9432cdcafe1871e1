// SPDX-License-Identifier: Apache-2.0
// Bytes to messages and back. A message that nobody changed is written as the very bytes it was read from, whoever wrote
// them; one that was changed is written in order of field numbers, with the fields that this reader does not know at its end.
import type { ModelProto } from "./messages.js";
import { type Field, type MessageName, type ScalarKind, schemas } from "./schema.js";
import { type Int, WireReader, WireType, WireWriter } from "./wire.js";

type Message = Record<string, unknown>;

/** Where a message came from, and its fields as they were then: arrays are copied, so that a later edit shows. */
interface Origin {
  readonly bytes: Uint8Array;
  readonly fields: ReadonlyMap<string, unknown>;
  readonly unknown: readonly Uint8Array[];
}

const origins = new WeakMap<object, Origin>();
const utf8 = new TextDecoder();
const toUtf8 = new TextEncoder();

/** Reads a serialized model. Tensor data stays a view of `bytes`. Throws ERR_LOAD_FAILED. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return decode("Model", bytes) as unknown as ModelProto;
}

/** The serialized model as pieces to be written one after another; no piece of tensor data is a copy. */
export function encodeModel(model: ModelProto): WireWriter {
  const writer = new WireWriter();
  encode("Model", model as unknown as Message, writer, new Map());
  return writer.finish();
}

/** {@link encodeModel} in one array. */
export function modelBytes(model: ModelProto): Uint8Array {
  const { pieces, length } = encodeModel(model);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function decode(name: MessageName, bytes: Uint8Array): Message {
  const schema = schemas[name];
  const message: Message = {};
  for (const field of schema.values()) if (field.repeated) message[field.name] = [];
  const unknown: Uint8Array[] = [];
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const start = reader.position;
    const tag = reader.size();
    const field = schema.get(Math.floor(tag / 8));
    const wireType = tag % 8;
    if (field !== undefined && fits(field, wireType)) readField(field, wireType, reader, message);
    else {
      reader.skip(wireType);
      unknown.push(reader.since(start));
    }
  }
  origins.set(message, { bytes, fields: snapshot(message), unknown });
  return message;
}

function snapshot(message: Message): Map<string, unknown> {
  return new Map(Object.entries(message).map(([key, value]) => [key, Array.isArray(value) ? [...value] : value]));
}

const wireTypes: Readonly<Record<ScalarKind, number>> = {
  int: WireType.varint,
  float: WireType.fixed32,
  double: WireType.fixed64,
  string: WireType.bytes,
  bytes: WireType.bytes,
};

const wireTypeOf = (field: Field) => wireTypes[field.kind as ScalarKind] ?? WireType.bytes;

function fits(field: Field, wireType: number): boolean {
  return wireType === wireTypeOf(field) || (field.repeated && wireType === WireType.bytes);
}

function readField(field: Field, wireType: number, reader: WireReader, message: Message): void {
  if (!field.repeated) {
    message[field.name] = readValue(field.kind, reader);
    return;
  }
  const values = message[field.name] as unknown[];
  if (wireType === wireTypeOf(field)) values.push(readValue(field.kind, reader));
  else {
    const block = new WireReader(reader.bytes()); // packed: readers must take both forms of a repeated number
    while (!block.done) values.push(readValue(field.kind, block));
  }
}

function readValue(kind: Field["kind"], reader: WireReader): unknown {
  if (kind === "int") return reader.int();
  if (kind === "float") return reader.float();
  if (kind === "double") return reader.double();
  if (kind === "bytes") return reader.bytes();
  if (kind === "string") return utf8.decode(reader.bytes());
  return decode(kind, reader.bytes());
}

type Verdicts = Map<object, boolean>;

function encode(name: MessageName, message: Message, writer: WireWriter, verdicts: Verdicts): void {
  const origin = origins.get(message);
  if (origin !== undefined && isUnchanged(name, message, verdicts)) {
    writer.raw(origin.bytes);
    return;
  }
  for (const [number, field] of schemas[name]) {
    const value = message[field.name];
    if (value === undefined || value === null) continue;
    if (field.packed) writePacked(number, field, value as number[], writer);
    else if (field.repeated) for (const one of value as unknown[]) writeValue(number, field, one, writer, verdicts);
    else writeValue(number, field, value, writer, verdicts);
  }
  for (const bytes of origin?.unknown ?? []) writer.raw(bytes);
}

function isUnchanged(name: MessageName, message: Message, verdicts: Verdicts): boolean {
  const known = verdicts.get(message);
  if (known !== undefined) return known;
  const origin = origins.get(message);
  const verdict =
    origin !== undefined &&
    [...schemas[name].values()].every((field) => sameField(field, message[field.name], origin, verdicts));
  verdicts.set(message, verdict);
  return verdict;
}

function sameField(field: Field, now: unknown, origin: Origin, verdicts: Verdicts): boolean {
  const then = origin.fields.get(field.name);
  if (!field.repeated) return sameValue(field, now, then, verdicts);
  const [old, current] = [then as unknown[], now as unknown[] | undefined];
  return current?.length === old.length && current.every((one, i) => sameValue(field, one, old[i], verdicts));
}

function sameValue(field: Field, now: unknown, then: unknown, verdicts: Verdicts): boolean {
  if (now === undefined || then === undefined || field.kind in wireTypes) return Object.is(now, then);
  return now === then && isUnchanged(field.kind as MessageName, now as Message, verdicts);
}

function writePacked(number: number, field: Field, values: readonly number[], writer: WireWriter): void {
  if (values.length === 0) return;
  const block = new WireWriter();
  for (const value of values) writeScalar(field.kind, value, block, new Map());
  writer.tag(number, WireType.bytes);
  writer.message(block);
}

function writeValue(number: number, field: Field, value: unknown, writer: WireWriter, verdicts: Verdicts): void {
  writer.tag(number, wireTypeOf(field));
  writeScalar(field.kind, value, writer, verdicts);
}

function writeScalar(kind: Field["kind"], value: unknown, writer: WireWriter, verdicts: Verdicts): void {
  if (kind === "int") writer.int(value as Int);
  else if (kind === "float") writer.float(value as number);
  else if (kind === "double") writer.double(value as number);
  else if (kind === "bytes") writer.bytes(value as Uint8Array);
  else if (kind === "string") writer.bytes(toUtf8.encode(value as string));
  else {
    const inner = new WireWriter();
    encode(kind, value as Message, inner, verdicts);
    writer.message(inner);
  }
}
