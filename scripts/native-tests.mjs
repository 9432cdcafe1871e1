// SPDX-License-Identifier: Apache-2.0
// Builds and runs the native tests, or the fuzzers, in a build folder per sanitizer.
//   npm run test:native                                  plain
//   npm run test:native -- --sanitize=address,undefined  or --sanitize=thread
//   npm run fuzz -- --seconds=30                         each fuzzer for so long (needs clang)
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BuildError, ensureBuilt } from "./build.mjs";
import { say } from "./progress.mjs";
import { root } from "./stale.mjs";

// One report names the fault; the process ends there.
const sanitizerOptions = {
  ASAN_OPTIONS: "detect_leaks=1:strict_string_checks=1:check_initialization_order=1",
  UBSAN_OPTIONS: "print_stacktrace=1:halt_on_error=1",
  TSAN_OPTIONS: `halt_on_error=1:second_deadlock_stack=1:suppressions=${join(root, "native/test/thread_sanitizer.supp")}`,
};

// Quick to compile, with assertions, and enough for a stack that can be read.
const instrumented = { CMAKE_BUILD_TYPE: "RelWithDebInfo", CMAKE_CXX_FLAGS_RELWITHDEBINFO: "-O1 -g1" };
// Another clone's objects are the same objects.
const cacheOptions = { CCACHE_BASEDIR: root, CCACHE_NOHASHDIR: "1" };

function run(command, args, env = {}) {
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...sanitizerOptions, ...cacheOptions, ...process.env, ...env },
  });
  if (error) throw new BuildError(`${command} was not found: install it`);
  if (status !== 0)
    throw new BuildError(`${command} ${args.slice(0, 3).join(" ")} ... ended with ${signal ?? `exit code ${status}`}`);
}

function configureAndBuild(folder, definitions) {
  const generator = spawnSync("ninja", ["--version"]).status === 0 ? ["-G", "Ninja"] : [];
  const launcher = spawnSync("ccache", ["--version"]).status === 0 ? { CMAKE_CXX_COMPILER_LAUNCHER: "ccache" } : {};
  const defines = Object.entries({ ORTSERVE_ADDON: "OFF", ...launcher, ...definitions }).map(
    ([key, value]) => `-D${key}=${value}`,
  );
  run("cmake", ["-S", root, "-B", folder, ...generator, ...defines]);
  run("cmake", ["--build", folder, "--parallel", String(availableParallelism())]);
}

function runTests(sanitize) {
  const folder = join(root, "build", `tests${sanitize === "" ? "" : `-${sanitize.replace(",", "-")}`}`);
  const type = sanitize === "" ? { CMAKE_BUILD_TYPE: "Debug" } : instrumented;
  configureAndBuild(folder, { ORTSERVE_DEVELOPER: "ON", ORTSERVE_SANITIZE: sanitize, ...type });
  run("ctest", [
    "--test-dir",
    folder,
    "--output-on-failure",
    "--no-tests=error",
    "--timeout",
    "120",
    "-j",
    String(availableParallelism()),
  ]);
  tellOfSkipped(folder);
}

/** CTest names the tests that were skipped; why, only its log says, in GoogleTest's words. */
function tellOfSkipped(folder) {
  const log = readFileSync(join(folder, "Testing", "Temporary", "LastTest.log"), "utf8");
  for (const [, reason, name] of log.matchAll(/: Skipped\r?\n(.*)\r?\n(?:.*\n)*?\[ {2}SKIPPED \] (\S+)/g))
    say(`skipped ${name}: ${reason}`);
}

function runFuzzers(seconds) {
  const folder = join(root, "build", "fuzz");
  configureAndBuild(folder, {
    ORTSERVE_FUZZ: "ON",
    ORTSERVE_SANITIZE: "address,undefined",
    CMAKE_CXX_COMPILER: "clang++",
    ...instrumented,
  });
  const fuzzers = readdirSync(folder).filter((name) => /^fuzz_\w+$/.test(name));
  if (fuzzers.length === 0) throw new BuildError("the build made no fuzzer");
  for (const fuzzer of fuzzers) {
    say(`fuzzing ${fuzzer} for ${seconds} s`);
    const found = join(folder, "found", fuzzer);
    mkdirSync(found, { recursive: true });
    const limits = [`-max_total_time=${seconds}`, "-timeout=10", "-rss_limit_mb=4096", `-artifact_prefix=${found}/`];
    const dictionary = `-dict=${join(root, "native/test/fuzz_json.dict")}`;
    run(join(folder, fuzzer), [...limits, dictionary, "-verbosity=0", "-print_final_stats=1", found]);
  }
}

const { values } = parseArgs({
  options: {
    sanitize: { type: "string", default: "" },
    fuzz: { type: "boolean", default: false },
    seconds: { type: "string", default: "30" },
  },
});
try {
  await ensureBuilt({ native: false, dist: false });
  if (values.fuzz) runFuzzers(Number(values.seconds));
  else runTests(values.sanitize);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  process.stderr.write(`\nortserve: ${error.message}\n`);
  process.exitCode = 1;
}
