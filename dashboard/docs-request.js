// SPDX-License-Identifier: Apache-2.0
// From what is filled in to a request, and to the command line that sends the same.

/** Answers longer than this are cut: the page shows them, it does not analyse them. */
const mostShown = 100_000;

/**
 * @param {string} template such as "/v2/models/{model}/infer"
 * @param {{ name: string, in: string, value: string }[]} parameters
 */
export function pathOf(template, parameters) {
  const path = parameters
    .filter((one) => one.in === "path")
    .reduce((text, { name, value }) => text.replace(`{${name}}`, encodeURIComponent(value)), template);
  const query = parameters.filter((one) => one.in === "query" && one.value !== "");
  const search = new URLSearchParams(query.map(({ name, value }) => [name, value])).toString();
  return search === "" ? path : `${path}?${search}`;
}

/** @param {{ type: string, text?: string, file?: File } | undefined} body */
export function curlOf(method, url, body) {
  const parts = ["curl"];
  if (method !== (body ? "post" : "get")) parts.push(`-X ${method.toUpperCase()}`);
  if (body?.type === "multipart/form-data") parts.push(`-F ${quoted(`data=${body.text ?? ""}`)}`);
  else if (body) {
    parts.push(`-H ${quoted(`Content-Type: ${body.type}`)}`);
    const data = body.file ? `@${body.file.name}` : encoded(body);
    parts.push(`${body.file ? "--data-binary" : "-d"} ${quoted(data)}`);
  }
  return [...parts, quoted(url)].join(" ");
}

/** Sends it. @returns what came, ready to be shown */
export async function send(method, path, body) {
  const init = { method: method.toUpperCase() };
  if (body?.type === "multipart/form-data") {
    init.body = new FormData();
    init.body.set("data", body.text ?? "");
  } else if (body) {
    init.headers = { "Content-Type": body.type };
    init.body = body.file ?? encoded(body);
  }
  const startedAt = performance.now();
  const response = await fetch(path, init);
  const bytes = await response.arrayBuffer();
  const millis = performance.now() - startedAt;
  const type = response.headers.get("content-type") ?? "";
  const text = type === "application/octet-stream" ? `${bytes.byteLength} bytes` : new TextDecoder().decode(bytes);
  const shown = type === "application/json" ? pretty(text) : text;
  const rest = shown.length > mostShown ? `\n… ${shown.length - mostShown} more characters` : "";
  const headers = ["x-request-id", "x-cache", "x-batch-size", "server-timing"].flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [`${name}: ${value}`];
  });
  return {
    status: response.status,
    ok: response.ok,
    millis,
    size: bytes.byteLength,
    headers,
    text: shown.slice(0, mostShown) + rest,
  };
}

function encoded({ type, text = "" }) {
  if (type !== "application/x-www-form-urlencoded") return text;
  return new URLSearchParams({ data: text }).toString();
}

/** What is laid out at most; larger texts are shown as they came. */
const mostLaidOut = 1_000_000;

/**
 * JSON with one line per row: arrays of plain values stay on theirs. Works on the text, so that every digit is shown as it came,
 * and so are NaN and Infinity. What is not JSON stays as it is.
 */
export function pretty(text) {
  const tokens = text.length <= mostLaidOut ? text.match(/"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g) : null;
  const reader = { tokens: tokens ?? [], at: 0 };
  const value = readValue(reader);
  return value === undefined || reader.at !== reader.tokens.length ? text : layOut(value, "");
}

/** A scalar as its text, a container as its brackets and members; undefined where there is none. */
function readValue(reader) {
  const token = reader.tokens[reader.at++];
  if (token !== "[" && token !== "{") return token === undefined || /^[\]}:,]$/.test(token) ? undefined : token;
  const [close, isObject] = token === "[" ? ["]", false] : ["}", true];
  const members = [];
  if (reader.tokens[reader.at] === close) {
    reader.at++;
    return { open: token, close, members };
  }
  while (true) {
    const key = isObject ? reader.tokens[reader.at++] : undefined;
    if (isObject && reader.tokens[reader.at++] !== ":") return undefined;
    const value = readValue(reader);
    if (value === undefined) return undefined;
    members.push({ key, value });
    const next = reader.tokens[reader.at++];
    if (next === close) return { open: token, close, members };
    if (next !== ",") return undefined;
  }
}

function layOut(value, indent) {
  if (typeof value === "string") return value;
  const { open, close, members } = value;
  const nameOf = ({ key }) => (key === undefined ? "" : `${key}: `);
  if (members.every((member) => typeof member.value === "string")) {
    const line = open + members.map((member) => nameOf(member) + member.value).join(", ") + close;
    if (open === "[" || line.length < 80) return line;
  }
  const inside = `${indent}  `;
  const lines = members.map((member) => inside + nameOf(member) + layOut(member.value, inside));
  return `${open}\n${lines.join(",\n")}\n${indent}${close}`;
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
