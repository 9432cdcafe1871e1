// SPDX-License-Identifier: Apache-2.0
// What `npm start`, `npm test` and `npm run build` call: installs and builds what is missing, then does the work.
// Needs nothing but Node, so that it works right after `git clone`.
import { BuildError, ensureBuilt, keepPrebuilt } from "./build.mjs";
import { followNpm } from "./follow-npm.mjs";
import { say, totalElapsed } from "./progress.mjs";
import { root } from "./stale.mjs";

const verbs = {
  async start(args) {
    await ensureBuilt();
    await runCli(["serve", ...args]);
  },
  async test(args) {
    await ensureBuilt();
    const { runTests } = await import("./test.mjs");
    process.exitCode = await runTests(args);
  },
  async build() {
    await ensureBuilt();
    keepPrebuilt();
    say(`everything is built (${totalElapsed()})`);
  },
  async "build:native"() {
    await ensureBuilt({ dist: false });
  },
  // Without a GPU the tests are skipped; with --dry they run on the CPU, by the same ways.
  async "test:gpu"(args) {
    await ensureBuilt();
    if (args.includes("--dry")) process.env.ORTSERVE_GPU = "dry";
    const { runTests } = await import("./test.mjs");
    process.exitCode = await runTests(["test/gpu/", ...args.filter((arg) => arg !== "--dry")]);
  },
  async bench(args) {
    await ensureBuilt();
    const { runScript } = await import("./test.mjs");
    const onGpu = args.includes("--gpu");
    const script = onGpu ? "bench/gpu/run.ts" : "bench/run.ts";
    process.exitCode = await runScript(
      script,
      args.filter((arg) => arg !== "--gpu"),
    );
  },
};

// In this process, so that Ctrl-C, signals and the exit code are the server's own.
async function runCli(args) {
  followNpm();
  process.argv = [process.execPath, `${root}bin/ortserve.mjs`, ...args];
  await import("../bin/ortserve.mjs");
}

const [verb = "start", ...args] = process.argv.slice(2);
const work = verbs[verb];
try {
  if (work === undefined) throw new BuildError(`expected one of ${Object.keys(verbs).join(", ")}, got ${verb}`);
  await work(args);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  process.stderr.write(`\nortserve: ${error.message}\n`);
  process.exitCode = 1;
}
