import { element } from "../lib/dom.js";
import { isAlone, isTyping } from "../lib/keys.js";

// Keys of lists: j and k walk through the rows, or the cards, x selects, Enter opens, / searches, Escape lets go, ? tells all this.
// The row one is at is the one that holds the focus, so that Enter and screen readers need nothing more.
const KEYS = [["j", "next row"], ["k", "previous row"], ["x", "select the row"], ["Enter", "open the row"], ["/", "search in the list"], ["Esc", "clear the selection, close"], ["Ctrl K", "command palette: search and jump"], ["Ctrl S", "save what is edited"], ["?", "this help"]];

const ROW = "#list tbody tr, #list .list-card";
const rows = () => [...document.querySelectorAll(ROW)];
const current = () => document.activeElement?.closest(ROW);
const handleOf = (row) => row?.querySelector("a[href]") ?? row?.querySelector("[data-select-row]");

function walk(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(current());
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
  handleOf(all[next])?.focus();
  all[next].scrollIntoView({ block: "nearest" });
}

function letGo() {
  const none = document.querySelector("#list [data-select-none]");
  if (document.querySelector("#list [data-select-row]:checked")) none?.click();
  else if (current()) document.activeElement.blur();
}

function help() {
  const list = element("dl", { class: "keys-help" }, ...KEYS.flatMap(([key, meaning]) => [element("dt", {}, element("kbd", {}, key)), element("dd", {}, meaning)]));
  const title = element("h2", { class: "dialog__title", id: "keys-title" }, "Keys");
  const close = element("button", { class: "btn", autofocus: "" }, "Close");
  const form = element("form", { method: "dialog" }, element("div", { class: "dialog__body" }, title, list), element("div", { class: "dialog__actions" }, close));
  const dialog = element("dialog", { class: "dialog", "aria-labelledby": "keys-title" }, form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

const DOES = {
  j: () => walk(1),
  k: () => walk(-1),
  x: () => current()?.querySelector("[data-select-row]")?.click(),
  "/": () => document.querySelector("#list-filters .filter-panel__search input")?.focus(),
  "?": help,
  Escape: letGo,
};

// Escape leaves the search of the list; everywhere else it is the field's own.
function leave({ key, target }) {
  if (key === "Escape" && target.closest?.("#list-filters")) target.blur();
}

document.addEventListener("keydown", (event) => {
  if (!isAlone(event) || document.querySelector("dialog[open]")) return;
  if (isTyping(event)) return leave(event);
  if (!Object.hasOwn(DOES, event.key)) return;
  if (event.key === "?" || (event.key !== "Escape" && document.getElementById("list"))) event.preventDefault();
  DOES[event.key]();
});

// A refresh of the list keeps the row one is at.
let kept = null;
document.addEventListener("htmx:beforeSwap", ({ target }) => { if (target.id === "list") kept = current() && document.activeElement.getAttribute("href"); });
document.addEventListener("htmx:afterSettle", () => {
  if (!kept) return;
  rows().map(handleOf).find((handle) => handle?.getAttribute("href") === kept)?.focus({ preventScroll: true });
  kept = null;
});
