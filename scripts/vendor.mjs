// SPDX-License-Identifier: Apache-2.0
// Copies the C++ sources that come as npm packages into native/third_party, with their licences and a note of where each
// file is from, so that the published package builds from source without those packages.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./stale.mjs";

const sources = [
  {
    target: "simdjson",
    what: "simdjson (Apache-2.0)",
    npm: "@nozbe/simdjson",
    folder: "src",
    pattern: /^simdjson\.(h|cpp)$/,
  },
  {
    target: "xxhash",
    what: "xxHash (BSD-2-Clause)",
    npm: "xxhash-addon",
    folder: "xxHash",
    pattern: /^xxhash\.h$/,
  },
  {
    target: "onnxruntime",
    what: "ONNX Runtime's C and C++ API headers (MIT)",
    npm: "com.github.asus4.onnxruntime",
    folder: "Plugins/iOS~/onnxruntime.xcframework/ios-arm64/onnxruntime.framework/Headers",
    pattern: /^onnxruntime_(?!experimental|lite).*\.h$/,
  },
];

/** Makes native/third_party anew. */
export function vendor() {
  const target = join(root, "native/third_party");
  rmSync(target, { recursive: true, force: true });
  const sections = sources.map((source) => copySource(source, join(target, source.target)));
  const head = "Copied unchanged from npm packages by scripts/vendor.mjs. SHA-256 of each file:\n";
  writeFileSync(join(target, "PROVENANCE.md"), `# Third-party sources\n\n${head}\n${sections.join("\n")}`);
}

function copySource({ what, npm, folder, pattern }, target) {
  const home = join(root, "node_modules", npm);
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  const names = readdirSync(join(home, folder)).filter((name) => pattern.test(name));
  if (names.length === 0) throw new Error(`no ${pattern} in ${npm} ${version}, folder ${folder}`);
  mkdirSync(target, { recursive: true });
  copyFileSync(join(home, "LICENSE"), join(target, "LICENSE"));
  const lines = names.map((name) => {
    copyFileSync(join(home, folder, name), join(target, name));
    return `    ${createHash("sha256")
      .update(readFileSync(join(target, name)))
      .digest("hex")}  ${name}`;
  });
  return `## ${what}\n\nnpm package \`${npm}\` ${version}, folder \`${folder}\`\n\n${lines.join("\n")}\n`;
}
