// SPDX-License-Identifier: Apache-2.0
/** `[1,2]`, nested as `shape` says, each number as the shortest text that reads back to the same float32. */
export function nestedText(values: Float32Array, shape: readonly number[]): string {
  const [first = 1, ...rest] = shape;
  const size = values.length / first;
  const items = Array.from({ length: first }, (_, i) =>
    rest.length === 0 ? shortestFloat(values[i] ?? 0) : nestedText(values.subarray(i * size, (i + 1) * size), rest),
  );
  return `[${items.join(",")}]`;
}

function shortestFloat(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(Number(value.toPrecision(9)));
}
