// SPDX-License-Identifier: Apache-2.0
// ortserve's quantizer as a process of its own, so that its time and memory are its alone: own.ts MODEL OUTPUT SAMPLES MODE.
import { argv } from "node:process";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";

const [model = "", output = "", calibration = "", mode = "auto"] = argv.slice(2);
const start = performance.now();
const { report } = await quantizeModel({ model, output, calibration, mode: mode as "auto", maxDrop: 1, minSpeedup: 0 });
const seconds = (performance.now() - start) / 1000;
// What the peer does, too: the first candidate is one by ranges as seen. Its judgement on the held-out samples is counted in.
const making = new Set(["preparation", "calibration", "ranges as seen", "writing"]);
const parts = report.stages.filter(({ name }) => making.has(name)).map((stage) => stage.seconds);
const makingSeconds = parts.length === making.size ? parts.reduce((a, b) => a + b) : undefined;
console.log(JSON.stringify({ seconds, makingSeconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
