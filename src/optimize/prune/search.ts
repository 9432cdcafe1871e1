// SPDX-License-Identifier: Apache-2.0
// Looks for the largest sparsity, up to the one asked for, that held-out samples accept.
import type { Quality, Yardstick } from "../judge/quality.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { Allocation } from "./allocate.js";
import { PortCut } from "./ports.js";
import { type RefitRequest, refitLayers } from "./refit.js";
import type { Attempt } from "./report-data.js";
import { type Removal, removeChannels } from "./surgery.js";

export interface Candidate {
  readonly removal: Removal;
  /** After surgery, and with weights refitted where that is better. */
  readonly cut: OnnxModel;
  readonly model: OnnxModel;
  readonly refitted: boolean;
  readonly quality: Quality;
  readonly sparsity: number;
  readonly passed: boolean;
}

export interface SearchRequest extends Omit<RefitRequest, "removal" | "ports" | "onProgress"> {
  readonly allocation: Allocation;
  readonly yardstick: Yardstick;
  /** The removal for a share of what was asked for, from 0 to 1. */
  readonly removalFor: (level: number) => Removal;
  readonly refit: boolean;
  readonly passes: (quality: Quality) => boolean;
  readonly onProgress: (stage: string, done: number, of: number) => void;
}

/** Halvings of the sparsity that are tried when the one asked for does not pass. */
const mostHalvings = 5;

/** The best candidate; where none passes, the last that was tried. */
export async function searchSparsity(request: SearchRequest): Promise<{ best: Candidate; attempts: Attempt[] }> {
  const attempts: Attempt[] = [];
  let best = await attempt(request, request.removalFor(1), attempts);
  if (best.passed) return { best, attempts };
  let [low, high] = [0, 1];
  const tried = new Set([best.sparsity]);
  for (let i = 0; i < mostHalvings; i++) {
    const level = (low + high) / 2;
    const removal = request.removalFor(level);
    const sparsity = request.allocation.share(removal);
    const known = tried.has(sparsity) || (best.passed && sparsity <= best.sparsity);
    tried.add(sparsity);
    const candidate = known ? undefined : await attempt(request, removal, attempts);
    const passed = candidate ? candidate.passed : best.passed && sparsity <= best.sparsity;
    if (candidate && (candidate.passed || !best.passed)) best = candidate;
    if (passed) low = level;
    else high = level;
  }
  return { best, attempts };
}

async function attempt(request: SearchRequest, removal: Removal, attempts: Attempt[]): Promise<Candidate> {
  const { bench, base, deps, yardstick, allocation, passes, onProgress } = request;
  const sparsity = allocation.share(removal);
  const text = `${(100 * sparsity).toFixed(0)} % of channels`;
  onProgress(`${text}: removal`, 0, 1);
  const cut = removeChannels(base, deps, removal);
  const judge = async (model: OnnxModel, refitted: boolean): Promise<Candidate> => {
    const quality = await yardstick.measureDraft(bench, model);
    const passed = passes(quality);
    attempts.push({ sparsity, drop: quality.drop, sqnr: quality.sqnr, refitted, passed });
    return { removal, cut, model, refitted, quality, sparsity, passed };
  };
  const plain = await judge(cut, false);
  if (!request.refit) return plain;
  const ports = new PortCut(deps, removal);
  const progress = (done: number, of: number) => onProgress(`${text}: least squares`, done, of);
  const model = await refitLayers({ ...request, removal, ports, onProgress: progress }, cut);
  const refitted = await judge(model, true);
  return isBetter(refitted, plain) ? refitted : plain;
}

function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.passed !== b.passed) return a.passed;
  return a.quality.drop !== b.quality.drop ? a.quality.drop < b.quality.drop : a.quality.sqnr >= b.quality.sqnr;
}
