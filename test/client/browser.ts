// SPDX-License-Identifier: Apache-2.0
// Runs a module in headless Chromium and hands back what it exports as the default.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, normalize } from "node:path";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Path of Chromium or Chrome, from PATH; undefined where there is none. */
export function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const page = `<!doctype html><script type="module">
  const report = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
  import("/module.js").then(
    (module) => report({ value: module.default }),
    (error) => report({ error: String(error?.stack ?? error) }),
  );
</script>`;

/**
 * Serves `source` to the browser as a module, and the files of `folder` beside it.
 * @param source its default export must be what JSON can hold; it may use `await` at top level
 */
export async function runInBrowser(browser: string, source: string, folder: string): Promise<unknown> {
  const profile = mkdtempSync(join(tmpdir(), "ortserve-browser-"));
  let child: ChildProcess | undefined;
  const { server, result } = servePage(source, folder);
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const quiet = ["--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
    const args = [...quiet, "--no-sandbox", `--user-data-dir=${profile}`, url]; // as root there is no sandbox
    child = spawn(browser, args, { stdio: "ignore", detached: true }); // a group of its own, for all its processes
    const ended = once(child, "exit").then(([code]) => Promise.reject(new Error(`the browser ended with ${code}`)));
    return await Promise.race([result, ended]);
  } finally {
    if (child?.pid && child.exitCode === null) {
      const ended = once(child, "exit");
      process.kill(-child.pid, "SIGKILL"); // whoever of them is left writes into the profile while it is removed
      await ended;
    }
    server.close();
    server.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 20 });
  }
}

function servePage(source: string, folder: string) {
  let settle: (json: string) => void = () => {};
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://page").pathname);
    if (path === "/result") {
      const chunks = await request.toArray();
      settle(Buffer.concat(chunks).toString());
      response.end();
    } else if (path === "/") {
      response.setHeader("content-type", "text/html").end(page);
    } else {
      const text = path === "/module.js" ? source : readOrNothing(join(folder, path));
      response.statusCode = text === undefined ? 404 : 200;
      response.setHeader("content-type", "text/javascript").end(text);
    }
  });
  const result = new Promise<string>((resolve) => {
    settle = resolve;
  }).then((json) => {
    const { value, error } = JSON.parse(json) as { value?: unknown; error?: string };
    if (error !== undefined) throw new Error(`in the page: ${error}`);
    return value;
  });
  return { server, result };
}

function readOrNothing(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
