// SPDX-License-Identifier: Apache-2.0
// Entry of the `ortserve` command. A failure is one line on stderr and an exit code: 1 it did not work, 2 it was asked wrongly,
// 3 it worked, but not as well as was asked for.
import { Command, CommanderError } from "commander";
import { type ErrorCode, OrtserveError } from "../errors.js";
import { version } from "../version.js";
import { devicesCommand } from "./devices.js";
import { inspectCommand } from "./inspect.js";
import { predictCommand } from "./predict.js";
import { pruneCommand } from "./prune.js";
import { quantizeCommand } from "./quantize.js";
import { serveCommand } from "./serve.js";

const wrongUse: ReadonlySet<ErrorCode> = new Set(["ERR_INVALID_ARGUMENT", "ERR_INVALID_CONFIG"]);

const fileErrors = new Set([
  "ENOENT",
  "ENOTDIR",
  "ENOSPC",
  "EDQUOT",
  "EACCES",
  "EPERM",
  "EISDIR",
  "EFBIG",
  "EROFS",
  "EIO",
]);

/** The file system's own messages name what was done and the path: no stack trace says more. */
function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && fileErrors.has((error as NodeJS.ErrnoException).code ?? "");
}

/** Runs the command line; resolves with the exit code, or undefined while a server keeps the process alive. */
export async function main(words: readonly string[]): Promise<number | undefined> {
  const program = new Command("ortserve")
    .description(
      "Serves ONNX models over HTTP and WebSocket, tells what is in them, and makes them smaller and faster.",
    )
    .version(version)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`ortserve: ${text.replace(/^error: /, "")}`) });
  program.addCommand(serveCommand());
  program.addCommand(predictCommand());
  program.addCommand(inspectCommand());
  program.addCommand(devicesCommand());
  program.addCommand(quantizeCommand());
  program.addCommand(pruneCommand());
  for (const command of program.commands) command.copyInheritedSettings(program);
  try {
    await program.parseAsync(words, { from: "user" });
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (isFileError(error)) {
      process.stderr.write(`ortserve: ${error.message}\n`);
      return 1;
    }
    if (!(error instanceof OrtserveError)) throw error;
    process.stderr.write(`ortserve: ${error.message}\n`);
    if (error.code === "ERR_GOAL_MISSED") return 3;
    return wrongUse.has(error.code) ? 2 : 1;
  }
}

const code = await main(process.argv.slice(2));
if (code !== undefined) process.exit(code);
