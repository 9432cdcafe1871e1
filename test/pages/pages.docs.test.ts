// SPDX-License-Identifier: Apache-2.0
// The page of the routes, in a real browser: it asks nobody but its own server, and what it sends is answered.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import type { OrtServer } from "../../src/server/index.js";
import { findBrowser } from "../client/browser.js";
import { startRealServer } from "../server/real-server.js";

const evil = '<b>&"x"';

let server: OrtServer;
before(async () => {
  server = await startRealServer({
    iris: { versions: { 1: "mlp_tiny" }, config: "features: [a, b, c, d]\n" },
    long: { versions: { 1: "ident_int64" } },
    nan: { versions: { 1: "ident_fp32" } },
    evil: { versions: { 1: "rowsum" }, config: `name: '${evil}'\n` },
  });
});
after(() => server?.close());

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(server.url + path, { headers, redirect: "manual" });

test("the root tells programs that the server is alive, and sends browsers to the page", async () => {
  for (const accept of ["*/*", "application/json"]) {
    const response = await get("/", { accept });
    assert.deepEqual([response.status, await response.json()], [200, { status: "alive" }]);
  }
  const response = await get("/", { accept: "text/html,application/xhtml+xml,*/*;q=0.8" });
  assert.deepEqual([response.status, response.headers.get("location")], [302, "docs"]);
  assert.equal(response.headers.get("vary"), "Accept");
});

test("files are sent once, and only what is there", async () => {
  assert.equal((await get("/docs/../package.json")).status, 404);
  assert.equal((await get("/docs/nope.js")).status, 404);
  for (const [path, type] of [
    ["/docs", "text/html; charset=utf-8"],
    ["/docs/docs.css", "text/css; charset=utf-8"],
    ["/docs/docs.js", "text/javascript; charset=utf-8"],
  ] as const) {
    const response = await get(path);
    assert.deepEqual([response.status, response.headers.get("content-type")], [200, type]);
    assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'; script-src 'self'/);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    const etag = response.headers.get("etag") ?? "";
    const again = await get(path, { "if-none-match": `"other", W/${etag}` });
    assert.deepEqual([again.status, await again.text(), again.headers.get("etag")], [304, "", etag]);
    assert.equal((await get(path, { "if-none-match": '"other"' })).status, 200);
    const head = await fetch(server.url + path, { method: "HEAD" });
    assert.equal(head.headers.get("content-length"), String((await response.arrayBuffer()).byteLength));
  }
});

const executablePath = findBrowser();
describe("in a browser", { skip: executablePath ? false : "no Chromium on this machine" }, () => {
  let browser: Browser;
  let page: Page;
  const requests: string[] = [];
  const complaints: string[] = [];
  before(async () => {
    const quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
    const args = [...quiet, "--disable-component-update", "--disable-sync"];
    browser = await chromium.launch({ executablePath: executablePath as string, args });
    page = await browser.newPage();
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(server.url);
    await page.locator(".operation").first().waitFor();
  });
  after(async () => {
    await browser?.close();
  });

  const card = (path: string) => page.locator(".operation").filter({ has: page.getByText(path, { exact: true }) });
  const open = async (path: string) => {
    await card(path).locator("summary").first().click();
    return card(path);
  };
  const send = async (path: string) => {
    await card(path).getByRole("button", { name: "Send" }).click();
    const answer = card(path).locator(".answer");
    await answer.locator("pre").waitFor();
    return { status: await answer.locator("b").innerText(), text: await answer.locator("pre").innerText() };
  };

  test("every documented route is on the page", async () => {
    const { paths } = (await (await get("/openapi.json")).json()) as { paths: Record<string, object> };
    const count = Object.values(paths).flatMap((item) => Object.keys(item)).length;
    assert.equal(await page.locator(".operation").count(), count);
    assert.equal(await page.locator("nav li").count(), count);
  });

  test("an example is sent and its answer shown, and so is an error", async () => {
    await open("/predict/iris");
    const good = await send("/predict/iris");
    assert.equal(good.status, "200");
    assert.match(good.text, /"predictions": \[\n {4}\[[-0-9., e]+\]/);
    await card("/predict/iris").getByLabel("Example").selectOption("features");
    assert.equal(JSON.parse(await card("/predict/iris").getByLabel("Request body").inputValue()).a, 0.1);
    assert.equal((await send("/predict/iris")).status, "200");
    await card("/predict/iris").getByLabel("Request body").fill('{"instances": [[1]]}');
    const bad = await send("/predict/iris");
    assert.equal(bad.status, "400");
    assert.match(bad.text, /got FP32 \[1,1\]/);
  });

  test("the command line does the same", async () => {
    await card("/predict/iris").getByRole("button", { name: "curl" }).click();
    const command = await card("/predict/iris").locator(".row.end + pre").innerText();
    assert.equal(
      command,
      `curl -H 'Content-Type: application/json' -d '{"instances": [[1]]}' '${server.url}/predict/iris'`,
    );
  });

  test("digits and words that JavaScript lacks are shown as they came", async () => {
    await open("/predict/long");
    await card("/predict/long").getByLabel("Request body").fill('{"inputs": [9007199254740993]}');
    assert.match((await send("/predict/long")).text, /9007199254740993/);
    await open("/predict/nan");
    await card("/predict/nan").getByLabel("Request body").fill('{"inputs": [NaN, -Infinity]}');
    assert.match((await send("/predict/nan")).text, /"predictions": \[NaN, -Infinity\]/);
  });

  test("parameters of the path are filled in", async () => {
    await open("/v2/models/{model}/ready");
    const parameter = card("/v2/models/{model}/ready").getByLabel("model");
    await parameter.fill("nope");
    assert.equal((await send("/v2/models/{model}/ready")).status, "404");
    await parameter.fill(evil);
    const { status, text } = await send("/v2/models/{model}/ready");
    assert.deepEqual([status, JSON.parse(text)], ["200", { name: evil, ready: true }]);
  });

  test("forms are sent as forms", async () => {
    const path = "/predictions/{model}";
    const post = card(path).filter({ has: page.locator(".method.post") });
    await post.locator("summary").first().click();
    await post.getByLabel("Content type").selectOption("multipart/form-data");
    await post.getByLabel("model").fill("iris");
    await post.getByLabel("Request body").fill("[[1, 2, 3, 4]]");
    await post.getByRole("button", { name: "Send" }).click();
    await post.locator(".answer pre").waitFor();
    assert.equal(await post.locator(".answer b").innerText(), "200", await post.locator(".answer pre").innerText());
  });

  test("schemas open down to the elements", async () => {
    const tree = card("/predict/iris").locator(".schema").first();
    await tree.locator("summary").first().click();
    const rows = tree.locator("li > .schema").first();
    await rows.locator("summary").first().click();
    await rows.getByText("instances").first().waitFor(); // drawn when it is opened, a moment after the click
  });

  test("a search leaves what has every word", async () => {
    await page.getByLabel("Find a route").fill("iris post predict");
    const shown = await page.locator(".operation:visible > summary code").allInnerTexts();
    assert.ok(shown.length >= 2 && shown.every((path) => path.includes("iris")), shown.join());
    await page.getByLabel("Find a route").fill("");
  });

  test("an address names a route", async () => {
    const linked = await browser.newPage();
    await linked.goto(`${server.url}/docs#get.v2.models`);
    await linked.locator(".operation[open]").waitFor();
    assert.equal(await linked.locator(".operation[open] > summary code").innerText(), "/v2/models");
    await linked.close();
  });

  test("a model's name is text, whatever it is", async () => {
    assert.ok((await page.locator("h2").allInnerTexts()).some((text) => text.includes(evil)));
    assert.equal(
      await page.locator("main b").evaluateAll((found) => found.filter((one) => one.closest("h2")).length),
      0,
    );
  });

  test("narrow screens need no sideways scrolling", async () => {
    await page.setViewportSize({ width: 360, height: 700 });
    const overflow = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert.equal(overflow, 0);
  });

  test("nothing was asked of anybody else, and nothing was complained of", () => {
    assert.deepEqual(
      requests.filter((url) => !url.startsWith(`${server.url}/`) && !url.startsWith("data:")),
      [],
    );
    assert.ok(requests.some((url) => url.endsWith("/openapi.json")));
    // Chromium reports answers that are errors.
    assert.deepEqual(
      complaints.filter((text) => !/status of (400|404)/.test(text)),
      [],
    );
  });
});
