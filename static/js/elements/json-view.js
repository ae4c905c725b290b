import { element } from "../lib/dom.js";

const OPEN_DEPTH = 2;
const FEW = 100;

// Turns the JSON text inside into a tree that opens and closes. What is not JSON, or huge, stays text.
class JsonView extends HTMLElement {
  connectedCallback() {
    const source = this.querySelector("pre");
    if (!source || this.dataset.ready !== undefined || source.textContent.length > 500000) return;
    let value;
    try { value = JSON.parse(source.textContent); } catch { return; }
    this.dataset.ready = "";
    source.hidden = true;
    this.append(element("div", { class: "json-view__scroll", tabindex: "0" }, node(null, value, 0)));
  }
}

function node(key, value, depth) {
  if (value === null || typeof value !== "object") return leaf(key, value);
  const entries = Object.entries(value);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (!entries.length) return element("div", { class: "json-view__leaf" }, ...label(key), open + close);
  const count = element("span", { class: "json-view__count" }, `${open} ${entries.length} ${close}`);
  const group = element("details", { class: "json-view__group" }, element("summary", {}, ...label(key), count));
  // Children are made when they are first looked at.
  group.addEventListener("toggle", () => group.open && group.children.length === 1 && group.append(children(entries, depth)));
  group.open = depth < OPEN_DEPTH && entries.length <= FEW;
  return group;
}

function children(entries, depth) {
  const box = element("div", { class: "json-view__children" });
  const more = (from) => {
    box.append(...entries.slice(from, from + FEW).map(([key, value]) => node(key, value, depth + 1)));
    if (from + FEW >= entries.length) return;
    const button = element("button", { type: "button", class: "btn btn-sm" }, `${entries.length - from - FEW} more`);
    button.addEventListener("click", () => { button.remove(); more(from + FEW); });
    box.append(button);
  };
  more(0);
  return box;
}

function leaf(key, value) {
  const kind = value === null ? "null" : typeof value;
  const text = element("span", { class: `json-view__${kind}` }, JSON.stringify(value));
  return element("div", { class: "json-view__leaf" }, ...label(key), text);
}

function label(key) {
  return key === null ? [] : [element("span", { class: "json-view__key" }, `${key}: `)];
}

customElements.define("json-view", JsonView);
