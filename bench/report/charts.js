// SPDX-License-Identifier: Apache-2.0
// Runs in the report's page: draws every .plot from the JSON in #data.
/* global uPlot */
const workloads = JSON.parse(document.getElementById("data").textContent);

// Okabe and Ito's palette: told apart by colour-blind readers too.
const colors = { ortserve: "#0072b2", fastify: "#d55e00", uws: "#e69f00", fastapi: "#009e73", hello: "#8a8f98" };
const ink = getComputedStyle(document.body).color;
const grid = { stroke: getComputedStyle(document.documentElement).getPropertyValue("--line"), width: 1 };

const logAxis = (label, values) => ({ label, values, stroke: ink, grid, ticks: grid });
const thousands = (_plot, splits) => splits.map((v) => (v === null ? "" : v >= 1000 ? `${v / 1000}k` : String(v)));
const micros = (_plot, splits) =>
  splits.map((v) => (v === null ? "" : v >= 1e6 ? `${v / 1e6} s` : v >= 1000 ? `${v / 1000} ms` : `${v} µs`));
// The percentile axis stretches the tail: x = 1 / (1 - p), so that 90 %, 99 % and 99.9 % are equally far apart.
const stretched = (percentile) => 1 / (1 - percentile / 100);
const percentiles = (_plot, splits) =>
  splits.map((v) => (v === null || !Number.isInteger(Math.log10(v)) ? "" : `${+(100 * (1 - 1 / v)).toFixed(4)} %`));

/** Draws one line per server: `value(point)` over `position(point)`. */
function lines(element, title, points, position, value, x, y) {
  const servers = [...new Map(points.map((point) => [point.server, point.title]))];
  const positions = [...new Set(points.map(position))].sort((a, b) => a - b);
  const columns = servers.map(([server]) =>
    positions.map((at) => {
      const point = points.find((each) => each.server === server && position(each) === at);
      return point === undefined ? null : value(point);
    }),
  );
  const series = servers.map(([server, label]) => ({
    ...{ label, stroke: colors[server] ?? ink, width: server === "ortserve" ? 3 : 1.5, spanGaps: true },
    points: { show: positions.length < 8, size: 6 },
  }));
  const scales = { x: { time: false, distr: 3, log: x.log }, y: { distr: 3, log: 10 } };
  const size = { width: Math.max(480, element.clientWidth), height: 300 };
  const axes = [logAxis(x.label, x.values), { ...logAxis(y.label, y.values), size: 70 }];
  new uPlot(
    { title, ...size, scales, axes, series: [{ label: x.label }, ...series] },
    [positions, ...columns],
    element,
  );
}

/** Latency over percentile, one line per server. */
function profile(element, title, points) {
  const spread = points.flatMap(({ server, title: name, profile: pairs }) =>
    pairs.map(([percentile, latency]) => ({ server, title: name, x: stretched(percentile), latency })),
  );
  const x = { label: "percentile", log: 10, values: percentiles };
  const latency = (point) => Math.max(1, point.latency);
  lines(element, title, spread, (point) => point.x, latency, x, { label: "latency", values: micros });
}

const connections = { label: "connections", log: 2, values: (_plot, splits) => splits.map((v) => v ?? "") };

const draw = {
  throughput: (element, { closed }) =>
    lines(
      element,
      "Requests/s",
      closed,
      (p) => p.connections,
      (p) => p.requestsPerSecond,
      connections,
      {
        label: "requests/s",
        values: thousands,
      },
    ),
  tail: (element, { closed }) =>
    lines(
      element,
      "p99 latency",
      closed,
      (p) => p.connections,
      (p) => Math.max(1, p.p99),
      connections,
      {
        label: "p99",
        values: micros,
      },
    ),
  profile: (element, { closed, headline }) =>
    profile(
      element,
      `Latency profile, ${headline} connections`,
      closed.filter((p) => p.connections === headline),
    ),
  open: (element, { open }) => profile(element, `Latency profile, open loop, ${open[0].rate} requests/s due`, open),
};

for (const element of document.querySelectorAll(".plot")) {
  const workload = workloads.find(({ id }) => id === element.dataset.workload);
  if (workload.closed.length > 0) draw[element.dataset.kind](element, workload);
}
