// SPDX-License-Identifier: Apache-2.0
// Finds a C++20 compiler, CMake >= 3.20 and make or Ninja, and names the package to install where one is missing.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const minimumCMake = [3, 20];

const visualStudio =
  "winget install Microsoft.VisualStudio.2022.BuildTools --override " +
  '"--passive --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended"';

/** How each platform installs what: one command with a list of packages, or one command per tool. */
const managers = {
  debian: { install: "apt-get install -y", compiler: "g++", cmake: "cmake", make: "make" },
  fedora: { install: "dnf install -y", compiler: "gcc-c++", cmake: "cmake", make: "make" },
  alpine: { install: "apk add", compiler: "g++", cmake: "cmake", make: "make" },
  arch: { install: "pacman -S --needed", compiler: "gcc", cmake: "cmake", make: "make" },
  suse: { install: "zypper install -y", compiler: "gcc-c++", cmake: "cmake", make: "make" },
  darwin: { compiler: "xcode-select --install", cmake: "brew install cmake", make: "xcode-select --install" },
  win32: { compiler: visualStudio, cmake: "winget install Kitware.CMake" },
};

/** The key of {@link managers} for this machine; "unknown" where none fits. */
export function packageManager(platform = process.platform, osRelease = readOsRelease()) {
  if (platform !== "linux") return platform in managers ? platform : "unknown";
  const ids = `${/^ID=(.*)$/m.exec(osRelease)?.[1] ?? ""} ${/^ID_LIKE=(.*)$/m.exec(osRelease)?.[1] ?? ""}`;
  const known = [
    [/debian|ubuntu/, "debian"],
    [/fedora|rhel|centos|amzn/, "fedora"],
    [/alpine/, "alpine"],
    [/arch/, "arch"],
    [/suse/, "suse"],
  ];
  return known.find(([pattern]) => pattern.test(ids))?.[1] ?? "unknown";
}

function readOsRelease() {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
}

/** What to type to get the missing tools. `missing`: some of "compiler", "cmake", "make". */
export function remedy(missing, manager = packageManager(), root = process.getuid?.() === 0) {
  const known = managers[manager];
  if (known === undefined) {
    return "Install GCC >= 11 or Clang >= 14, make, and CMake >= 3.20 with your system's package manager.";
  }
  const each = [...new Set(missing.map((tool) => known[tool]))];
  const sudo = root ? "" : "sudo ";
  const commands = known.install === undefined ? each : [`${sudo}${known.install} ${each.join(" ")}`];
  return ["Install with:", ...commands.map((command) => `    ${command}`)].join("\n");
}

/** [3, 25] of "cmake version 3.25.1"; undefined when there is none. */
export function parseCMakeVersion(text) {
  const match = /cmake version (\d+)\.(\d+)/.exec(text ?? "");
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

function run(command, args) {
  const result = spawnSync(command, args, { encoding: "utf8", shell: false });
  return result.status === 0 ? result.stdout : undefined;
}

function findCMake() {
  const version = parseCMakeVersion(run("cmake", ["--version"]));
  if (version === undefined) return { problem: "CMake was not found" };
  const [major, minor] = version;
  if (major < minimumCMake[0] || (major === minimumCMake[0] && minor < minimumCMake[1])) {
    return { problem: `CMake ${version.join(".")} is too old (3.20 or later is needed)` };
  }
  return { name: `CMake ${version.join(".")}` };
}

// A compiler that prints its version may still lack a standard library or C++20: only compiling tells.
const probe =
  "#include <concepts>\n#include <span>\nint main() { int a[2] = {0, 0}; return static_cast<int>(std::span(a).size()) - 2; }\n";

function findCompiler() {
  if (process.platform === "win32") return findVisualStudio();
  const candidates = process.env.CXX ? [process.env.CXX] : ["c++", "g++", "clang++"];
  const found = candidates.filter((name) => run(name, ["--version"]) !== undefined);
  if (found.length === 0) return { problem: `no C++ compiler was found (looked for ${candidates.join(", ")})` };
  const folder = mkdtempSync(join(tmpdir(), "ortserve-probe-"));
  try {
    const source = join(folder, "probe.cc");
    writeFileSync(source, probe);
    const able = found.find((name) => run(name, ["-std=c++20", "-fsyntax-only", source]) !== undefined);
    if (able === undefined)
      return { problem: `${found.join(", ")} cannot compile C++20 (GCC >= 11 or Clang >= 14 can)` };
    return { name: run(able, ["--version"]).split("\n")[0] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function findVisualStudio() {
  const vswhere = join(process.env["ProgramFiles(x86)"] ?? "", "Microsoft Visual Studio", "Installer", "vswhere.exe");
  const component = "Microsoft.VisualStudio.Component.VC.Tools.x86.x64";
  const path = run(vswhere, ["-latest", "-products", "*", "-requires", component, "-property", "displayName"]);
  return path?.trim() ? { name: path.trim() } : { problem: "Visual Studio 2022 with the C++ tools was not found" };
}

function findMake() {
  if (process.platform === "win32") return { name: "MSBuild" };
  const name = ["ninja", "make"].find((tool) => run(tool, ["--version"]) !== undefined);
  return name === undefined ? { problem: "neither Ninja nor make was found" } : { name };
}

/** `{ found }` names what will be used; `{ problem, remedy }` what is missing and what to type. */
export function checkToolchain() {
  const tools = { compiler: findCompiler(), cmake: findCMake(), make: findMake() };
  const missing = Object.keys(tools).filter((tool) => tools[tool].problem !== undefined);
  if (missing.length === 0) return { found: `${tools.compiler.name}, ${tools.cmake.name}, ${tools.make.name}` };
  return { problem: missing.map((tool) => tools[tool].problem).join("; "), remedy: remedy(missing) };
}
