// SPDX-License-Identifier: Apache-2.0
// A missing compiler or CMake is answered with what to type on this very machine.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { packageManager, parseCMakeVersion, remedy } from "../../scripts/toolchain.mjs";
import { root } from "../layering/sources.js";

const home = mkdtempSync(join(tmpdir(), "ortserve-toolchain-"));
after(() => rmSync(home, { recursive: true, force: true }));

/** What checkToolchain() says on a machine whose PATH holds only `tools`: shell scripts by name. */
function checkWith(tools: Record<string, string>) {
  const bin = mkdtempSync(join(home, "bin-"));
  symlinkSync("/bin/sh", join(bin, "sh"));
  for (const [name, script] of Object.entries(tools)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const program = `import { checkToolchain } from "${root}scripts/toolchain.mjs"; console.log(JSON.stringify(checkToolchain()))`;
  const env = { PATH: bin };
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8", env });
  return JSON.parse(stdout) as { found?: string; problem?: string; remedy?: string };
}

const cxx = 'echo "c++ 12.2.0"';
const cmake = 'echo "cmake version 3.25.1"';
const make = 'echo "GNU Make 4.3"';

describe("the toolchain check", { skip: process.platform === "win32" && "fakes tools with shell scripts" }, () => {
  it("names everything that is missing", () => {
    const { problem, remedy: text } = checkWith({});
    assert.match(problem ?? "", /no C\+\+ compiler.*CMake was not found.*neither Ninja nor make/);
    assert.match(text ?? "", /\S/);
  });

  it("refuses a CMake that is too old", () => {
    const { problem } = checkWith({ "c++": cxx, make, cmake: 'echo "cmake version 3.16.3"' });
    assert.equal(problem, "CMake 3.16 is too old (3.20 or later is needed)");
  });

  it("refuses a compiler that cannot compile C++20", () => {
    const { problem } = checkWith({ "c++": '[ "$1" = --version ] && echo "c++ 7.5.0"', make, cmake });
    assert.equal(problem, "c++ cannot compile C++20 (GCC >= 11 or Clang >= 14 can)");
  });

  it("takes the first compiler that can", () => {
    const old = '[ "$1" = --version ] && echo "old"';
    const { found } = checkWith({ "c++": old, "clang++": 'echo "clang version 17"', make, cmake });
    assert.equal(found, "clang version 17, CMake 3.25, make");
  });
});

describe("the remedy", () => {
  it("is general where the system is unknown", () => {
    assert.match(remedy(["compiler"], packageManager("linux", "ID=plan9\n")), /GCC >= 11 or Clang >= 14/);
  });

  const systems: [string, string, string][] = [
    ["Debian", "ID=debian\n", "apt-get install -y g\\+\\+ cmake"],
    ["Ubuntu", "ID=ubuntu\nID_LIKE=debian\n", "apt-get install -y g\\+\\+ cmake"],
    ["Fedora", "ID=fedora\n", "dnf install -y gcc-c\\+\\+ cmake"],
    ["Rocky", 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf install -y gcc-c\\+\\+ cmake"],
    ["Alpine", "ID=alpine\n", "apk add g\\+\\+ cmake"],
    ["Arch", "ID=arch\n", "pacman -S --needed gcc cmake"],
  ];
  for (const [name, release, command] of systems) {
    it(`is one command on ${name}, with sudo only for those who need it`, () => {
      const manager = packageManager("linux", release);
      assert.match(remedy(["compiler", "cmake"], manager, false), new RegExp(`^ {4}sudo ${command}$`, "m"));
      assert.match(remedy(["compiler", "cmake"], manager, true), new RegExp(`^ {4}${command}$`, "m"));
    });
  }

  it("names Xcode and Homebrew on macOS, Visual Studio on Windows", () => {
    assert.match(
      remedy(["compiler", "cmake"], packageManager("darwin"), false),
      /xcode-select --install\n +brew install cmake/,
    );
    assert.match(remedy(["compiler"], packageManager("win32"), false), /BuildTools/);
  });
});

describe("CMake's version", () => {
  it("is undefined where there is none", () => {
    assert.equal(parseCMakeVersion(undefined), undefined);
    assert.equal(parseCMakeVersion("command not found"), undefined);
  });
  it("is read from what it prints", () =>
    assert.deepEqual(parseCMakeVersion("cmake version 3.25.1\n\nCMake suite"), [3, 25]));
});
