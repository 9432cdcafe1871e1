// SPDX-License-Identifier: Apache-2.0
// Elements of the page. Text is always set as text: nothing that a model is named becomes markup.

/**
 * An element. `attributes`: "on..." are listeners, true is a bare attribute, false and undefined are left out.
 * @param {string} tag
 * @param {Record<string, unknown>} attributes
 * @param {...(Node | string | undefined)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

/** Text whose `words` are code. */
export function prose(text) {
  const parts = text.split("`");
  return parts.map((part, index) => (index % 2 === 1 ? element("code", {}, part) : part));
}
