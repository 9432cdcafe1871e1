// SPDX-License-Identifier: Apache-2.0
// One route: what it is for, what it takes, a try, what it answers.
import { element, prose } from "./docs-element.js";
import { curlOf, pathOf, pretty, send } from "./docs-request.js";

/** Every reference to a response or a parameter in its place. */
function resolve(document, item) {
  const [kind, name] = item.$ref?.split("/").slice(-2) ?? [];
  return name === undefined ? item : document.components[kind][name];
}

/** A card that is filled when it is opened. */
export function operationCard(document, tree, { id, method, path, operation }) {
  const card = element(
    "details",
    { class: "operation", id },
    element(
      "summary",
      {},
      element("span", { class: `method ${method}` }, method),
      element("code", {}, path),
      element("span", {}, operation.summary),
    ),
  );
  card.addEventListener("toggle", () => {
    if (card.open && card.childElementCount === 1) card.append(bodyOf(document, tree, { method, path, operation }));
  });
  return card;
}

function bodyOf(document, tree, { method, path, operation }) {
  const parameters = (operation.parameters ?? []).map((one) => ({ ...one, field: parameterField(one) }));
  const request = operation.requestBody && requestFields(operation.requestBody.content);
  const attempt = attemptOf(method, path, parameters, request);
  const responses = Object.entries(operation.responses).map(([status, item]) => [status, resolve(document, item)]);
  const success = responses.find(([status]) => status === "200")?.[1];
  const [type, media] = Object.entries(success?.content ?? {})[0] ?? [];
  const paragraphs = (operation.description ?? "").split("\n\n").filter(Boolean);
  return element(
    "div",
    { class: "body" },
    ...paragraphs.map((text) => element("p", {}, ...prose(text))),
    ...(parameters.length > 0 ? [element("h3", {}, "Parameters"), parameterTable(parameters)] : []),
    ...(request ? [element("h3", {}, "Request"), request.controls, request.input, request.schemaOf(tree)] : []),
    attempt,
    element("h3", {}, "Answer"),
    media ? tree(type === "application/json" ? "" : type, media.schema) : element("p", {}, "Empty."),
    element("h3", {}, "Errors"),
    statusList(responses.filter(([status]) => status !== "200")),
  );
}

function parameterField({ name, example }) {
  return element("input", { value: example ?? "", "aria-label": name, autocomplete: "off", spellcheck: "false" });
}

function parameterTable(parameters) {
  const cells = parameters.flatMap(({ name, field, description, required }) => [
    element("code", {}, required ? name : `${name}?`),
    field,
    element("span", {}, ...prose(description ?? "")),
  ]);
  return element("div", { class: "parameters" }, ...cells);
}

/** Choice of the type and of the example, and the field for the body. */
function requestFields(content) {
  const types = Object.keys(content);
  const typeChoice = element(
    "select",
    { "aria-label": "Content type" },
    ...types.map((type) => element("option", {}, type)),
  );
  const exampleChoice = element("select", { "aria-label": "Example" });
  const text = element("textarea", { "aria-label": "Request body", spellcheck: "false" });
  const file = element("input", { type: "file", "aria-label": "File to send" });
  const input = element("div", {}, text, file);
  const schema = element("div");
  let drawSchema = () => {};
  const examplesOf = (type) => {
    const { example, examples = {} } = content[type];
    const several = Object.entries(examples).map(([name, { value }]) => [name, value]);
    return example === undefined ? several : [["example", example], ...several];
  };
  const chooseExample = () => {
    const value = examplesOf(typeChoice.value).find(([name]) => name === exampleChoice.value)?.[1];
    text.value = value === undefined ? "" : pretty(JSON.stringify(value));
    text.rows = Math.min(18, Math.max(5, text.value.split("\n").length));
  };
  const chooseType = () => {
    const names = examplesOf(typeChoice.value).map(([name]) => name);
    exampleChoice.replaceChildren(...names.map((name) => element("option", {}, name)));
    exampleChoice.hidden = names.length < 2;
    text.hidden = !/json|form/.test(typeChoice.value);
    file.hidden = !text.hidden;
    chooseExample();
    drawSchema();
  };
  typeChoice.addEventListener("change", chooseType);
  exampleChoice.addEventListener("change", chooseExample);
  chooseType();
  return {
    controls: element("div", { class: "row" }, typeChoice, exampleChoice),
    input,
    schemaOf(tree) {
      drawSchema = () => schema.replaceChildren(tree("", content[typeChoice.value].schema));
      drawSchema();
      return schema;
    },
    value() {
      if (file.hidden) return { type: typeChoice.value, text: text.value };
      const [chosen] = file.files;
      return { type: chosen?.type || "application/octet-stream", file: chosen };
    },
  };
}

function attemptOf(method, path, parameters, request) {
  const answer = element("div", { class: "answer", hidden: true, "aria-live": "polite" });
  const command = element("pre", { hidden: true });
  const filled = () => parameters.map((one) => ({ name: one.name, in: one.in, value: one.field.value }));
  const target = () => pathOf(path, filled());
  const button = element("button", { class: "primary", type: "button" }, "Send");
  button.addEventListener("click", async () => {
    button.disabled = true;
    answer.replaceChildren(); // an old answer is not taken for the new one
    try {
      // Relative, so that the page also works where a proxy puts it under a prefix.
      show(answer, await send(method, `.${target()}`, request?.value()));
    } catch (error) {
      show(answer, { status: "no answer", ok: false, headers: [], text: String(error) });
    }
    button.disabled = false;
  });
  const curl = element("button", { type: "button" }, "curl");
  curl.addEventListener("click", () => {
    command.textContent = curlOf(method, new URL(`.${target()}`, window.document.baseURI).href, request?.value());
    command.hidden = false;
    navigator.clipboard?.writeText(command.textContent).catch(() => {}); // only where the page may
  });
  return element("div", {}, element("div", { class: "row end" }, button, curl), command, answer);
}

function show(answer, { status, ok, millis, size, headers, text }) {
  const facts = millis === undefined ? [] : [`${millis.toFixed(1)} ms`, `${size} bytes`, ...headers];
  answer.className = `answer ${ok ? "good" : "bad"}`;
  answer.hidden = false;
  answer.replaceChildren(
    element(
      "div",
      { class: "row" },
      element("b", {}, String(status)),
      ...facts.map((fact) => element("span", {}, fact)),
    ),
    element("pre", {}, text),
  );
}

function statusList(responses) {
  const items = responses.flatMap(([status, { description }]) => [
    element("dt", {}, status),
    element("dd", {}, description.replaceAll("\n\n", "\n")),
  ]);
  return element("dl", { class: "statuses" }, ...items);
}
