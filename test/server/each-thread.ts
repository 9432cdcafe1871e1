// SPDX-License-Identifier: Apache-2.0
// Connections to a server of several HTTP threads, one for each: the kernel decides which thread gets a connection.
import { RawClient, type RawResponse } from "./raw-http.js";

/** A request id that the server makes up begins with letters that are its thread's own. */
export function threadOf({ headers }: Pick<RawResponse, "headers">): string {
  return headers["x-request-id"]?.split("-")[0] ?? "";
}

/** Connections to `count` different threads; `known`: threads that do not count. */
export async function onEachThread(port: number, count: number, known: readonly string[] = []): Promise<RawClient[]> {
  const clients = new Map<string, RawClient>();
  const deadline = Date.now() + 60_000;
  while (clients.size < count) {
    if (Date.now() > deadline) throw new Error(`in a minute, connections met ${clients.size} threads`);
    const client = new RawClient(port);
    const thread = await answeringThread(client);
    if (clients.has(thread) || known.includes(thread)) client.destroy();
    else clients.set(thread, client);
  }
  return [...clients.values()];
}

/** Which thread a connection belongs to. */
export async function answeringThread(client: RawClient): Promise<string> {
  await client.request("GET", "/v2");
  return threadOf(await client.response());
}
