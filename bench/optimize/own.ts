// SPDX-License-Identifier: Apache-2.0
// ortserve's quantizer as a process of its own, so that its time and memory are its alone: own.ts MODEL OUTPUT SAMPLES MODE.
import { argv } from "node:process";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";

const [model = "", output = "", calibration = "", mode = "auto"] = argv.slice(2);
const start = performance.now();
await quantizeModel({ model, output, calibration, mode: mode as "auto", maxDrop: 1, minSpeedup: 0 });
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
