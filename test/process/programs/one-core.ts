// SPDX-License-Identifier: Apache-2.0
// Confines itself to one core of the machine, computes from many calls at once, and prints how many threads the engine
// added to the process: {cores, workers, added}. For Linux.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { Model, startEngine } from "../../../src/index.js";
import { modelPath } from "../../models/make.mjs";

const threads = () =>
  readdirSync("/proc/self/task").map((id) => readFileSync(`/proc/self/task/${id}/comm`, "utf8").trim());

const allowed = /^Cpus_allowed_list:\s*([0-9]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
if (allowed === undefined) throw new Error("/proc/self/status does not say which cores are allowed");
execFileSync("taskset", ["-p", "-c", allowed, String(process.pid)]);

const before = threads().length;
const { cores } = startEngine();
const model = await Model.load(modelPath("slow"));
const one = { x: new Float32Array(4), iterations: BigInt64Array.of(20n) };
await Promise.all(Array.from({ length: 32 }, () => model.predict(one)));
const after = threads();
const workers = after.filter((name) => name === "ortserve-worker").length;
console.log(JSON.stringify({ cores, workers, added: after.length - before }));
await model.close();
