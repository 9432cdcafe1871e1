// SPDX-License-Identifier: Apache-2.0
// The project's performance goals, each computed from one run. A goal that the run did not measure is neither met nor missed.
import { rateRatio } from "./compare/summary.js";
import type { FeatureGoal } from "./features/features.js";
import type { ClosedPoint, CopyResult, FeatureResult, Goal, WorkloadResult } from "./results.js";

export function judgeGoals(
  workloads: readonly WorkloadResult[],
  features: readonly FeatureResult[],
  copies: readonly CopyResult[],
): Goal[] {
  return [
    ...againstFastify(workloads, "tiny-json", 3),
    ...againstFastify(workloads, "mid-json", 6),
    atLeast("image-json: requests/s over Fastify + onnxruntime-node", 8, overFastify(workloads, "image-json"), "x"),
    atLeast("heavy-binary: rows/s of the bare loop", 95, shareOfCeiling(workloads, "heavy-binary"), "%"),
    atMost(
      "heavy-binary: event-loop delay p99, every core busy",
      2,
      headline(workloads, "heavy-binary", "ortserve")?.loopDelayMs,
      "ms",
    ),
    ...features.flatMap((feature) => feature.goals.map((goal) => featureGoal(goal, feature))),
    ...copies.flatMap(copyGoals),
  ];
}

function againstFastify(workloads: readonly WorkloadResult[], id: string, target: number): Goal[] {
  const ours = headline(workloads, id, "ortserve");
  const theirs = headline(workloads, id, "fastify");
  const tail = ours && theirs ? ours.p99 / theirs.p99 : undefined;
  return [
    atLeast(`${id}: requests/s over Fastify + onnxruntime-node`, target, overFastify(workloads, id), "x"),
    atMost(`${id}: p99 over that of Fastify + onnxruntime-node`, 0.5, tail, "x"),
  ];
}

/** The point every ratio of a workload is read at: the same number of connections for each server. */
export function headline(workloads: readonly WorkloadResult[], id: string, server: string): ClosedPoint | undefined {
  const workload = workloads.find((candidate) => candidate.id === id);
  const points = workload?.closed.filter((point) => point.server === server);
  return points?.find((point) => point.connections === workload?.headline);
}

function overFastify(workloads: readonly WorkloadResult[], id: string): number | undefined {
  const ours = headline(workloads, id, "ortserve");
  const theirs = headline(workloads, id, "fastify");
  return ours && theirs ? rateRatio(ours, theirs) : undefined;
}

/** Percent of the best combination of batch and threads of the bare loop. */
function shareOfCeiling(workloads: readonly WorkloadResult[], id: string): number | undefined {
  const ours = headline(workloads, id, "ortserve");
  const ceiling = workloads.find((workload) => workload.id === id)?.ceiling ?? [];
  if (ours === undefined || ceiling.length === 0) return undefined;
  return (100 * ours.rowsPerSecond) / Math.max(...ceiling.map((point) => point.rowsPerSecond));
}

function featureGoal(goal: FeatureGoal, { points }: FeatureResult): Goal {
  const of = points.find(({ server }) => server === goal.of);
  const { to } = goal;
  if (to === undefined) return atMost(goal.text, goal.target, of?.failed, goal.unit);
  const [best] = points
    .filter(({ server }) => to.includes(server))
    .sort((a, b) => b.requestsPerSecond - a.requestsPerSecond);
  const ratio =
    of && best && (goal.by === "cpu" ? best.cpuMicrosPerRequest / of.cpuMicrosPerRequest : rateRatio(of, best));
  return atLeast(goal.text, goal.target, ratio && ratio * (goal.unit === "%" ? 100 : 1), goal.unit);
}

function atLeast(text: string, target: number, measured: number | undefined, unit: string): Goal {
  const passed = measured === undefined ? undefined : measured >= target;
  return { text: `${text}, at least`, target, measured, unit, passed };
}

function atMost(text: string, target: number, measured: number | undefined, unit: string): Goal {
  const passed = measured === undefined ? undefined : measured <= target;
  return { text: `${text}, at most`, target, measured, unit, passed };
}

function copyGoals({ path, payloadIn, payloadOut, copiedIn, copiedOut, limit }: CopyResult): Goal[] {
  if (limit === undefined) return [];
  return [
    atMost(`${path}: copies of the payload in`, limit.in, copiedIn / payloadIn, ""),
    atMost(`${path}: copies of the payload out`, limit.out, copiedOut / payloadOut, ""),
  ];
}
