// SPDX-License-Identifier: Apache-2.0
// The page of the server's routes, made of its OpenAPI document and of nothing else.
import { element, prose } from "./docs-element.js";
import { operationCard } from "./docs-operation.js";
import { schemaTree } from "./docs-schema.js";

const byId = (id) => window.document.getElementById(id);

async function start() {
  const response = await fetch("openapi.json");
  if (!response.ok) throw new Error(`openapi.json: ${response.status}`);
  const api = await response.json();
  byId("version").textContent = api.info.version;
  const routes = Object.entries(api.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ id: operation.operationId, method, path, operation })),
  );
  const groups = api.tags
    .map((tag) => ({ ...tag, routes: routes.filter(({ operation }) => operation.tags[0] === tag.name) }))
    .filter((group) => group.routes.length > 0);
  const tree = schemaTree(api);
  const drawn = groups.map((group) => drawGroup(api, tree, group));
  byId("menu").replaceChildren(...drawn.map(({ menu }) => menu));
  byId("content").replaceChildren(...drawn.map(({ section }) => section));
  byId("search").addEventListener("input", ({ target }) => filter(drawn, target.value));
  window.addEventListener("hashchange", openNamed);
  openNamed();
}

function drawGroup(api, tree, { name, description, routes }) {
  const entries = routes.map((route) => {
    const { id, method, path, operation } = route;
    const link = element(
      "a",
      { href: `#${id}`, title: `${operation.summary}: ${path}` },
      element("span", { class: `method ${method}` }, method === "delete" ? "del" : method),
      element("span", {}, path),
    );
    const words = `${method} ${path} ${operation.summary} ${name}`.toLowerCase();
    return { item: element("li", {}, link), card: operationCard(api, tree, route), words };
  });
  return {
    menu: element("div", {}, element("h2", {}, name), element("ul", {}, ...entries.map(({ item }) => item))),
    section: element(
      "section",
      {},
      element("h2", {}, name),
      element("p", {}, ...prose(description ?? "")),
      ...entries.map(({ card }) => card),
    ),
    entries,
  };
}

/** Leaves what has every word that is looked for. */
function filter(groups, text) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const { menu, section, entries } of groups) {
    let shown = 0;
    for (const { item, card, words } of entries) {
      const fits = wanted.every((word) => words.includes(word));
      item.hidden = card.hidden = !fits;
      shown += Number(fits);
    }
    menu.hidden = section.hidden = shown === 0;
  }
}

/** Opens the card that the address names. */
function openNamed() {
  const card = byId(decodeURIComponent(window.location.hash.slice(1)));
  if (!card?.classList.contains("operation")) return;
  card.open = true;
  card.scrollIntoView();
}

start().catch((error) => {
  byId("content").replaceChildren(element("p", { role: "alert" }, `The routes could not be read: ${error.message}`));
});
