// SPDX-License-Identifier: Apache-2.0
// The servers that are compared: how each is started, and why one may be missing on this machine.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { BenchModel } from "../models/models.js";
import type { Launch } from "./process.js";

const here = join(import.meta.dirname, "servers");
const root = join(import.meta.dirname, "..", "..");
const venvPython = join(root, "bench", ".venv", "bin", "python");
const loopDelay = ["--import", join(here, "loop_delay.mjs")];

export interface ServerKind {
  readonly id: string;
  readonly title: string;
  /** Answers predictions; false for the HTTP ceiling. */
  readonly predicts: boolean;
  /** Undefined when it can run here, else the reason why not. */
  missing(log: (line: string) => void): string | undefined;
  /** `heavy`: one run takes milliseconds, so that the peer should use every core for it. */
  launch(model: BenchModel, port: number, heavy: boolean): Launch;
}

const available = () => undefined;

function nodePeer(id: string, title: string, program: string, predicts = true): ServerKind {
  return {
    ...{ id, title, predicts, missing: available },
    // onnxruntime-node runs on the JS thread: more cores help it only inside one run.
    launch: (model, port, heavy) => ({
      command: process.execPath,
      args: [...loopDelay, join(here, program)],
      env: { ...peerEnvironment(model, port), ORT_THREADS: heavy ? String(availableParallelism()) : "1" },
      reportsLoopDelay: true,
    }),
  };
}

function peerEnvironment(model: BenchModel, port: number): Record<string, string> {
  return {
    ...{ NODE_ENV: "production", ORT_DISABLE_TELEMETRY: "1" },
    ...{ PORT: String(port), MODEL_FILE: model.file, MODEL_NAME: model.name },
  };
}

const ortserve: ServerKind = {
  ...{ id: "ortserve", title: "ortserve", predicts: true },
  missing: () =>
    existsSync(join(root, "dist", "cli", "main.js")) ? undefined : "it is not built; run 'npm run build' first",
  launch: (model, port) => launchOrtserve(model.repository, port),
};

/** Its event loops are not those of the thread that reports delays. */
const ortserveTwoThreads: ServerKind = {
  ...{ id: "ortserve-2", title: "ortserve, 2 HTTP threads", predicts: true },
  missing: (log) => (process.platform === "linux" ? ortserve.missing(log) : "several HTTP threads need Linux"),
  launch: (model, port) => {
    const { args, ...launch } = launchOrtserve(model.repository, port, ["--http-threads", "2"]);
    return { ...launch, args: args.slice(loopDelay.length), reportsLoopDelay: false };
  },
};

/** `flags`: further options of `ortserve serve`. */
export function launchOrtserve(repository: string, port: number, flags: readonly string[] = []): Launch {
  const serve = [join(root, "bin", "ortserve.mjs"), "serve", repository, "--port", String(port), ...flags];
  return {
    command: process.execPath,
    args: [...loopDelay, ...serve],
    env: { NODE_ENV: "production" },
    reportsLoopDelay: true,
  };
}

const fastapi: ServerKind = {
  ...{ id: "fastapi", title: "FastAPI + onnxruntime", predicts: true },
  missing: installFastapi,
  launch: (model, port, heavy) => ({
    command: venvPython,
    args: [join(here, "fastapi_server.py")],
    env: { ...peerEnvironment(model, port), RUN_IN_THREADS: heavy ? "1" : "0" },
    reportsLoopDelay: false,
  }),
};

export const serverKinds: readonly ServerKind[] = [
  ortserve,
  ortserveTwoThreads,
  nodePeer("fastify", "Fastify + onnxruntime-node", "fastify.mjs"),
  nodePeer("uws", "uWebSockets.js + onnxruntime-node", "uws.mjs"),
  fastapi,
  nodePeer("hello", "uWebSockets.js hello world", "hello.mjs", false),
];

/** Creates bench/.venv with what fastapi_server.py imports, once. */
function installFastapi(log: (line: string) => void): string | undefined {
  const imports = ["-c", "import fastapi, httptools, numpy, onnxruntime, orjson, uvicorn, uvloop"];
  if (spawnSync(venvPython, imports).status === 0) return undefined;
  log("Installing FastAPI and onnxruntime into bench/.venv ...");
  const packages = ["fastapi", "httptools", "numpy", "onnxruntime", "orjson", "uvicorn", "uvloop"];
  const venv = spawnSync("python3", ["-m", "venv", join(root, "bench", ".venv")], { encoding: "utf8" });
  if (venv.error !== undefined || venv.status !== 0)
    return `python3 -m venv does not work here: ${venv.stderr ?? venv.error}`;
  const pip = spawnSync(venvPython, ["-m", "pip", "install", "-q", ...packages], { encoding: "utf8" });
  return pip.status === 0 ? undefined : `pip install failed: ${pip.stderr.trim().split("\n").at(-1)}`;
}
