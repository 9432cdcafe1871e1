// SPDX-License-Identifier: Apache-2.0
// `ortserve serve`: loads a repository, listens, and goes down in order when told to.
import { Command, Option } from "commander";
import { OrtserveError } from "../errors.js";
import { startEngine } from "../runtime/engine.js";
import { dedicateDecoder } from "../runtime/image-decoder.js";
import { createServer } from "../server/server.js";
import { scanRepository } from "../serving/repository.js";
import { type ControlMode, controlModes } from "../serving/repository-admin.js";
import { RepositoryControl } from "../serving/repository-control.js";
import { SharedCache } from "../serving/shared-cache/shared-cache.js";
import { type RecordEvent, TrafficRecorder } from "../serving/traffic-recorder.js";
import { createLogger, type LogLevel, logLevels } from "../telemetry/log.js";
import { address, countOrAuto, fraction, integer, memorySize, names, origins, size } from "./option-values.js";
import { closeOnSignal } from "./signals.js";
import { StartReport } from "./start-report.js";

interface ServeFlags {
  port: number;
  httpThreads: number | "auto";
  host: string;
  defaultModel?: string;
  bodyLimit: number;
  timeout: number;
  bodyTimeout: number;
  grace: number;
  cors?: string[];
  maxInFlight: number;
  control: ControlMode;
  loadModel?: string[];
  pollInterval: number;
  loadConcurrency: number;
  memoryBudget?: number;
  cores?: number;
  cacheSize?: number;
  engineCache?: string | false;
  cacheRedis?: string;
  cacheRedisBudget: number;
  record?: string;
  recordRate?: number;
  recordLimit?: number;
  recordSize?: number;
  strict?: true;
  sharedMemory?: true;
  compressFrom: number;
  timingHeaders?: true;
  logLevel: LogLevel;
}

const examples = `
Examples:
  ortserve serve models                    every model of a repository: models/NAME/VERSION/model.onnx
  ortserve serve resnet.onnx --port 9000   one file, as model 'resnet', version 1
  ortserve serve models --host 0.0.0.0     reachable from other machines
  ortserve serve models --control explicit --load-model '*'   loads and unloads by POST /v2/repository/...
  curl -d '{"instances": [[5.1, 3.5, 1.4, 0.2]]}' http://127.0.0.1:8080/predict/iris
`;

export function serveCommand(): Command {
  return new Command("serve")
    .description("serve a model repository, or one .onnx file, over HTTP and WebSocket")
    .argument("[path]", "repository directory or .onnx file", "models")
    .option("-p, --port <number>", "port to listen on; 0: any that is free", integer(0, 65_535), 8080)
    .option("-H, --host <address>", "address to listen on", address, "127.0.0.1")
    .option("--http-threads <number>", "threads that read requests and write answers, or auto", countOrAuto, 1)
    .option("--default-model <name>", "model that answers /predict (default: the only one)")
    .option("--body-limit <size>", "largest request, in bytes or with k, m, g", size, 64 * 2 ** 20)
    .option("--timeout <ms>", "longest time for one request; 0: none", integer(0, 86_400_000), 60_000)
    .option("--body-timeout <ms>", "longest stall of a request's body", integer(1, 86_400_000), 8_000)
    .option("--grace <ms>", "time for requests in flight on shutdown", integer(0, 86_400_000), 10_000)
    .option("--cors <origin>", "an origin that browsers may call from, or * for any; may be repeated", origins)
    .option("--max-in-flight <number>", "requests in flight on one WebSocket", integer(1, 2 ** 20), 1024)
    .addOption(
      new Option("--control <mode>", "who decides what is loaded after the start: nobody, the directory, or HTTP calls")
        .choices(controlModes)
        .default("none"),
    )
    .option("--poll-interval <ms>", "with --control poll: time between two looks at it", integer(10, 86_400_000), 2000)
    .option("--load-model <name>", "with --control explicit: a model to load, or * for all; may be repeated", names)
    .option("--load-concurrency <number>", "models loaded at the same time", integer(1, 64), 2)
    .option(
      "--memory-budget <size>",
      "memory for the weights of all models, with k, m, g, t (default: no bound)",
      memorySize,
    )
    .option("--cores <number>", "cores for inference (default: those of this process)", integer(1, 1024))
    .option("--cache-size <size>", "prediction cache of all models, with k, m, g, t (default: 256m)", memorySize)
    .option("--engine-cache <dir>", "where TensorRT's engines are kept (default: ~/.cache/ortserve/engines)")
    .option("--no-engine-cache", "build them anew at each start")
    .addOption(
      new Option(
        "--cache-redis <url>",
        "share cached results with other servers through this Redis; with a password use the variable",
      ).env("ORTSERVE_REDIS_URL"),
    )
    .option("--cache-redis-budget <ms>", "longest time a request waits for Redis", integer(1, 1000), 5)
    .option(
      "--record <directory>",
      "keep samples of what models run on there, as calibration data (they hold what callers sent)",
    )
    .option("--record-rate <share>", "with --record: share of the rows (default: 1%)", fraction)
    .option("--record-limit <number>", "with --record: most samples per version (default: 1024)", integer(1, 2 ** 32))
    .option(
      "--record-size <size>",
      "with --record: most bytes per version, with k, m, g, t (default: 256m)",
      memorySize,
    )
    .option("--strict", "fail when any model cannot be loaded")
    .option("--shared-memory", "let clients on this machine pass tensors in shared memory")
    .option("--compress-from <size>", "smallest prediction to compress for clients that accept it", size, 200)
    .option("--timing-headers", "add Server-Timing to predictions")
    .addOption(new Option("--log-level <level>", "least severe lines to log").choices([...logLevels]).default("info"))
    .addHelpText("after", examples)
    .action(serve);
}

async function serve(path: string, flags: ServeFlags): Promise<void> {
  if (flags.loadModel !== undefined && flags.control !== "explicit") {
    throw new OrtserveError("ERR_INVALID_ARGUMENT", "expected --control explicit with --load-model");
  }
  const repository = await scanRepository(path, flags.control !== "none"); // a wrong path is told before anything is started
  const logger = createLogger(flags.logLevel);
  const report = new StartReport(logger, process.stdout.isTTY === true);
  const recorder = await openRecorder(flags, (event) => report.recorded(event));
  const engine = {
    ...(flags.cores !== undefined && { cores: flags.cores }),
    ...(flags.cacheSize !== undefined && { cacheBytes: flags.cacheSize }),
    ...(flags.engineCache !== undefined && { engineCache: flags.engineCache }),
  };
  report.engine(startEngine(engine));
  dedicateDecoder();
  if (flags.cacheRedis !== undefined) await shareCache(flags.cacheRedis, flags.cacheRedisBudget, report);
  const models = new RepositoryControl(repository.path, {
    control: flags.control,
    load: flags.loadModel ?? [],
    pollIntervalMs: flags.pollInterval,
    concurrency: flags.loadConcurrency,
    ...(flags.memoryBudget !== undefined && { memoryBudget: flags.memoryBudget }),
    strict: flags.strict ?? false,
    ...(recorder && { recorder }),
    engine,
    onEvent: (event) => report.model(event),
  });
  const server = createServer({
    models,
    logger,
    host: flags.host,
    port: flags.port,
    httpThreads: flags.httpThreads,
    bodyLimit: flags.bodyLimit,
    timeoutMs: flags.timeout,
    bodyTimeoutMs: flags.bodyTimeout,
    graceMs: flags.grace,
    cors: flags.cors ?? [],
    socketInFlight: flags.maxInFlight,
    sharedMemory: flags.sharedMemory ?? false,
    compressFrom: flags.compressFrom,
    timingHeaders: flags.timingHeaders ?? false,
    ...(flags.defaultModel !== undefined && { defaultModel: flags.defaultModel }),
  });
  await server.listen(); // a port in use is told before models are loaded, and who asks whether it lives is answered
  closeOnSignal(server, logger);
  await models.start(repository);
  if (server.closing) return; // told to while it loaded
  server.open();
  report.listening(server, models.models);
}

function openRecorder(flags: ServeFlags, onEnd: (event: RecordEvent) => void): Promise<TrafficRecorder> | undefined {
  const { record, recordRate: rate, recordLimit: maxSamples, recordSize: maxBytes } = flags;
  const limits = Object.entries({ rate, maxSamples, maxBytes }).filter(([, value]) => value !== undefined);
  if (record !== undefined) return TrafficRecorder.open(record, Object.fromEntries(limits), onEnd);
  if (limits.length === 0) return undefined;
  throw new OrtserveError("ERR_INVALID_ARGUMENT", "expected --record DIRECTORY with the other options of recording");
}

/** Lives as long as the process. */
async function shareCache(url: string, budgetMs: number, report: StartReport): Promise<void> {
  const secret = process.env.ORTSERVE_CACHE_SECRET;
  if (secret === undefined) {
    throw new OrtserveError(
      "ERR_INVALID_ARGUMENT",
      "expected the variable ORTSERVE_CACHE_SECRET with --cache-redis: 16 characters or more, the same on every server",
    );
  }
  await SharedCache.open({ url, secret, budgetMs, onEvent: (event) => report.sharedCache(event) });
}
