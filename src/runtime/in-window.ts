// SPDX-License-Identifier: Apache-2.0

/**
 * Does `work` for all items, for at most `width` of them at once, begun in their order. After a failure nothing more is
 * begun. Settles when all that was begun has ended; rejects with the failure that is first in the order of the items.
 */
export async function inWindow<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  let next = 0;
  const failures: { readonly at: number; readonly error: unknown }[] = [];
  const lane = async () => {
    while (next < items.length && failures.length === 0) {
      const at = next++;
      try {
        results[at] = await work(items[at] as Item);
      } catch (error) {
        failures.push({ at, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  const [first] = failures.sort((a, b) => a.at - b.at);
  if (first) throw first.error;
  return results;
}
