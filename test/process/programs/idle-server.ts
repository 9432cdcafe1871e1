// SPDX-License-Identifier: Apache-2.0
// Serves a model, answers 200 requests over HTTP and one WebSocket, keeps the connections open, and prints the CPU time that
// the whole process then takes while nobody asks for anything: {idleMicros, windowMicros}.
import { setTimeout as pause } from "node:timers/promises"; // not a wait: the idle time is what is measured
import { layoutOf, startRealServer } from "../../server/real-server.js";
import { SocketClient } from "../../server/socket-client.js";

const windowMs = 2000;
const body = '{"inputs":{"x":[[1,2,3,4]]}}';
const server = await startRealServer(layoutOf("mlp_tiny"));
const socket = await SocketClient.open(server.url, "/predict");

async function ask(): Promise<void> {
  const response = await fetch(`${server.url}/predict`, { method: "POST", body });
  const answer = await response.text();
  if (response.status !== 200) throw new Error(answer);
}
for (let i = 0; i < 10; i++) {
  for (let k = 0; k < 10; k++) socket.socket.send(body);
  await Promise.all(Array.from({ length: 10 }, ask));
  for (let k = 0; k < 10; k++) if ("error" in (await socket.json())) throw new Error("refused");
}

globalThis.gc?.(); // what the requests left behind is not idling's to collect
const before = process.cpuUsage();
const startedAt = process.hrtime.bigint();
await pause(windowMs);
const { user, system } = process.cpuUsage(before);
const windowMicros = Number(process.hrtime.bigint() - startedAt) / 1000;
socket.socket.terminate();
await server.close();
console.log(JSON.stringify({ idleMicros: user + system, windowMicros }));
