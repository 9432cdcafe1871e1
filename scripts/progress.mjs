// SPDX-License-Identifier: Apache-2.0
// One line per step on stderr, with elapsed time; on a terminal the running step's line is rewritten as it advances.

const started = performance.now();
const live = process.stderr.isTTY === true;

function elapsed(since) {
  const seconds = (performance.now() - since) / 1000;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export function say(text) {
  process.stderr.write(`ortserve: ${text}\n`);
}

/** Seconds since this process began its work, as text. */
export function totalElapsed() {
  return elapsed(started);
}

/** Announces a step; returns how to report on it. Without a terminal, progress is printed at each tenth. */
export function beginStep(title) {
  const since = performance.now();
  let printedTenth = 0;
  if (!live) say(`${title} ...`);
  const rewrite = (text) => process.stderr.write(`\r\x1b[2Kortserve: ${text}`);
  if (live) rewrite(`${title} ...`);
  return {
    /** `done` of `total` units of work are finished. */
    advance(done, total) {
      const percent = Math.floor((100 * done) / total);
      if (live) return rewrite(`${title} ... ${percent} % (${elapsed(since)})`);
      if (Math.floor(percent / 10) <= printedTenth) return;
      printedTenth = Math.floor(percent / 10);
      say(`${title} ... ${percent} % (${elapsed(since)})`);
    },
    end(outcome = "done") {
      if (live) rewrite("");
      if (live) process.stderr.write("\r");
      say(`${title}: ${outcome} in ${elapsed(since)}`);
    },
  };
}
