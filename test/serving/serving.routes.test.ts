// SPDX-License-Identifier: Apache-2.0
// A thread's routes: who answers for a name, a version or a label, and what is said when nobody does.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Model } from "../../src/runtime/model.js";
import { ModelStore } from "../../src/serving/model-store.js";
import type { ModelRoutes } from "../../src/serving/route-table.js";
import { makeServable, type Servable } from "../../src/serving/servable.js";

let ids = 0;
const servable = (version: string): Servable =>
  makeServable({ name: "m", version, config: {}, notes: [] }, { id: ++ids } as Model);

function routes(ready: Servable[], rest: Partial<ModelRoutes> = {}): ModelRoutes {
  return { name: "m", ready, defaultVersion: ready.at(-1)?.version ?? "", labels: {}, others: [], ...rest };
}

const unloaded = { version: "1", state: "UNAVAILABLE", reason: "unloaded" } as const;

for (const [what, given, wanted, code, message] of [
  ["an unknown model", undefined, "", "ERR_MODEL_NOT_FOUND", "'m' is not found"],
  ["a version of an unknown model", undefined, "1", "ERR_MODEL_NOT_FOUND", "'m' is not found"],
  ["a model without a ready version", routes([], { others: [unloaded] }), "", "ERR_MODEL_NOT_FOUND", "no available"],
  ["a version that is not ready", routes([], { others: [unloaded] }), "1", "ERR_MODEL_CLOSED", "version 1 is not at"],
  ["an unknown version", routes([servable("1")]), "9", "ERR_MODEL_NOT_FOUND", "'m' version 9 is not found"],
  ["an unknown label", routes([servable("1")]), "canary", "ERR_MODEL_NOT_FOUND", "version canary is not found"],
  ["a version beyond 64 bits", routes([servable("1")]), "9".repeat(20), "ERR_INVALID_ARGUMENT", "failed to get model"],
] as const) {
  test(`${what} is refused`, async () => {
    const store = new ModelStore();
    if (given) await store.apply(given);
    assert.throws(
      () => store.find("m", wanted),
      (error: Error & { code: string }) => {
        assert.equal(error.code, code);
        assert.ok(error.message.includes(message), error.message);
        return true;
      },
    );
  });
}

test("a pinned default and a label whose version is not ready are answered for by no other version", async () => {
  const store = new ModelStore();
  const one = servable("1");
  const others = [{ version: "2", state: "UNAVAILABLE", reason: "broken" }] as const;
  await store.apply(routes([one], { defaultVersion: "2", labels: { canary: "2", stable: "1" }, others }));
  for (const [wanted, message] of [
    ["", /'m' version 2, its default version, is not at ready state/],
    ["canary", /'m' version 2, 'canary', is not at ready state/],
  ] as const) {
    assert.throws(() => store.find("m", wanted), { code: "ERR_MODEL_CLOSED", message });
  }
  assert.equal(store.find("m", "stable"), one);
  assert.equal(store.find("m", "1"), one);
  assert.deepEqual(store.names, ["m"]);
});

test("versions, labels and the default each find their version", async () => {
  const [one, two] = [servable("1"), servable("2")];
  const store = new ModelStore();
  await store.apply(routes([one, two], { defaultVersion: "1", labels: { canary: "2" } }));
  assert.equal(store.find("m", ""), one);
  assert.equal(store.find("m", "2"), two);
  assert.equal(store.find("m", "canary"), two);
});

test("what is replaced or forgotten is retired at once, what stays is not", async () => {
  const [one, two, again] = [servable("1"), servable("2"), servable("1")];
  const store = new ModelStore();
  await store.apply(routes([one, two]));
  void store.apply(routes([again, two]));
  assert.deepEqual([one.retired, two.retired, again.retired], [true, false, false]);
  assert.equal(store.find("m", "1"), again);
  void store.forget("m");
  assert.deepEqual([again.retired, two.retired], [true, true]);
  assert.throws(() => store.find("m", ""), /'m' is not found/);
});

test("a thread that comes later learns what the others know", async () => {
  const owner = new ModelStore();
  const [early, late] = [new ModelStore(), new ModelStore()];
  await owner.addFollower(early);
  await owner.apply(routes([servable("1")]));
  await owner.apply({ ...routes([servable("1")]), name: "n" });
  await owner.forget("n");
  await owner.addFollower(late);
  assert.deepEqual([early.names, late.names], [["m"], ["m"]]);
  owner.removeFollower(late);
  await owner.forget("m");
  assert.deepEqual([owner.names, early.names, late.names], [[], [], ["m"]]);
});
