import { element } from "../lib/dom.js";

const OPEN_DEPTH = 2;
const FEW = 100;
// A number as it was written: 9007199254740993 is not 9007199254740992, as JavaScript has it.
class Written {
  constructor(text) { this.text = text; }
}

// Older browsers do not tell how it was written: there a document with a number that they cannot hold stays text.
function asWritten(key, value, context) {
  if (typeof value !== "number") return value;
  if (context) return new Written(context.source);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new RangeError(`${value} has too many digits`);
  return value;
}

// Turns the JSON text inside into a tree that opens and closes. What is not JSON, or huge, stays text.
class JsonView extends HTMLElement {
  connectedCallback() {
    const source = this.querySelector("pre");
    if (!source || this.dataset.ready !== undefined || source.textContent.length > 500000) return;
    let value;
    try { value = JSON.parse(source.textContent, asWritten); } catch { return; }
    this.dataset.ready = "";
    source.hidden = true;
    this.append(element("div", { class: "json-view__scroll", tabindex: "0" }, node(null, value, 0)));
  }
}

function node(key, value, depth) {
  if (value === null || typeof value !== "object" || value instanceof Written) return leaf(key, value);
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
  const kind = value === null ? "null" : value instanceof Written ? "number" : typeof value;
  const text = element("span", { class: `json-view__${kind}` }, value?.text ?? JSON.stringify(value));
  return element("div", { class: "json-view__leaf" }, ...label(key), text);
}

function label(key) {
  return key === null ? [] : [element("span", { class: "json-view__key" }, `${key}: `)];
}

customElements.define("json-view", JsonView);
