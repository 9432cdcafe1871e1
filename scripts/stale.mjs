// SPDX-License-Identifier: Apache-2.0
// Which of the three things a checkout needs (packages, addon, JavaScript) are absent or older than their sources.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** The published package has neither src/ nor a lock file: there, only the addon can need building. */
export const isCheckout = existsSync(join(root, "src")) && existsSync(join(root, "package-lock.json"));

const platform = `${process.platform}-${process.arch}`;
export const addonPath = join(root, "build/Release/ortserve.node");
export const prebuiltPath = join(root, "prebuilds", platform, "ortserve.node");

const addonSources = ["CMakeLists.txt", "cmake", "native/core", "native/engine", "native/addon"];
const stamps = { addon: join(root, "build/.built"), dist: join(root, "dist/.built") };

/** Whether a package of the lock file is absent from node_modules, or there in another version. */
export function packagesAreStale() {
  const wanted = readJson("package-lock.json")?.packages ?? {};
  const present = readJson("node_modules/.package-lock.json")?.packages ?? {};
  return Object.entries(wanted).some(
    ([path, entry]) => path !== "" && !entry.optional && present[path]?.version !== entry.version,
  );
}

export function addonIsStale() {
  return !existsSync(addonPath) || readStamp(stamps.addon) !== platform || isOlder(stamps.addon, addonSources);
}

export function distIsStale() {
  return !existsSync(join(root, "dist/index.js")) || isOlder(stamps.dist, ["src", "tsconfig.json"]);
}

/** Records that `product` ("addon" or "dist") was built from the sources as they were at `time`, so that edits made meanwhile count. */
export function markBuilt(product, time) {
  mkdirSync(dirname(stamps[product]), { recursive: true });
  writeFileSync(stamps[product], platform);
  utimesSync(stamps[product], time, time);
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), "utf8"));
  } catch {
    return undefined;
  }
}

function readStamp(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function isOlder(stamp, sources) {
  if (!existsSync(stamp)) return true;
  const time = statSync(stamp).mtimeMs;
  return sources.some((source) => newestChange(join(root, source)) > time);
}

// Folders count too: a file that was removed or renamed changes only its folder's time.
function newestChange(path) {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return 0;
  if (!status.isDirectory()) return status.mtimeMs;
  return Math.max(status.mtimeMs, ...readdirSync(path).map((name) => newestChange(join(path, name))));
}
