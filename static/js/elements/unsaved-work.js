import { personOfPage } from "../lib/cookies.js";
import { whenReady } from "../lib/dom.js";
import { differ, fill, firstValues, keptValues, typedValues } from "../lib/form-values.js";
import * as kept from "../lib/kept-work.js";
import { toast } from "../lib/toast.js";

// What is typed into a form that changes something is not lost: leaving the page asks, and a reload, a sign-in or an error
// in between brings it back. [data-unkept] around forms that are no work, such as the choice of rows of a list.
const PAUSE_MS = 200;
const unsaved = new Set();
// What was last saved of a form that stays, and what is on its way.
const saved = new WeakMap();
const sending = new WeakMap();
// What says that the text of a form is back.
const notes = new WeakMap();
let timer = 0;

const isWork = (form) => form?.method === "post" && Boolean(personOfPage()) && !form.closest("[data-unkept]");
const works = (root = document) => [...root.querySelectorAll("form[method=post]")].filter(isWork);
// The server sent it back with what it had to say: what stands in it is saved nowhere.
const isRefused = (form) => Boolean(form.querySelector(".field--invalid, .field__error, .notice.tone-danger"));

export function isUnsaved(form) {
  return unsaved.has(form);
}

function look(form) {
  if (differ(typedValues(form), saved.get(form) ?? firstValues(form)) || (isRefused(form) && !saved.has(form))) unsaved.add(form);
  else forget(form);
  guard();
}

function forget(form) {
  unsaved.delete(form);
  kept.drop(form);
  notes.get(form)?.remove();
  guard();
}

// Only while there is something to lose: a page that asks is not kept alive by browsers for the way back.
function guard() {
  for (const form of unsaved) if (!form.isConnected) unsaved.delete(form);
  if (unsaved.size) addEventListener("beforeunload", ask);
  else removeEventListener("beforeunload", ask);
}

function ask(event) {
  event.preventDefault();
  // Older browsers ask only for this.
  event.returnValue = true;
}

function keep() {
  clearTimeout(timer);
  for (const form of unsaved) if (form.isConnected) kept.put(form, { values: keptValues(form), sent: false });
}

function changed({ target }) {
  const form = target.form ?? target.closest?.("form");
  if (!isWork(form)) return;
  look(form);
  clearTimeout(timer);
  timer = setTimeout(keep, PAUSE_MS);
}

function bringBack(form) {
  const entry = kept.find(form);
  if (entry && differ(entry.values, keptValues(form))) {
    fill(form, entry.values);
    const act = { label: "Discard it", act: () => discard(form) };
    notes.set(form, toast("What you typed here is back. It is not saved yet.", "info", { act }));
  }
  look(form);
}

function discard(form) {
  fill(form, saved.get(form) ?? firstValues(form));
  forget(form);
}

// The page of an answer tells what became of what was sent: an error page, or the one to sign in on, that it did not arrive.
function arrived() {
  const [{ type } = {}] = performance.getEntriesByType("navigation");
  return type === "navigate" && Boolean(personOfPage()) && !document.querySelector("[data-problem]");
}

function begin() {
  kept.dropOfOthers();
  kept.settle({ arrived: arrived() });
  for (const form of works()) bringBack(form);
  keep();
}

for (const name of ["input", "change"]) document.addEventListener(name, changed);
addEventListener("pagehide", keep);
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  kept.settle({ arrived: false });
  for (const form of works()) if (kept.find(form)) look(form);
});
whenReady(begin);

// A plain post: it leaves with the page.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !isWork(form) || !unsaved.has(form)) return;
  keep();
  kept.put(form, { values: keptValues(form), sent: true });
  unsaved.delete(form);
  guard();
});

// A post by HTMX: what was sent is saved when the answer says so, and what was typed meanwhile is not.
document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => {
  if (elt.matches("form") && isWork(elt)) sending.set(elt, typedValues(elt));
});
document.addEventListener("htmx:beforeOnLoad", ({ detail: { elt, xhr, requestConfig } }) => {
  if (!sending.has(elt) || requestConfig.verb !== "post" || xhr.status >= 300) return;
  saved.set(elt, sending.get(elt));
  look(elt);
  keep();
});
document.addEventListener("htmx:beforeSwap", keep);
document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  if (elt === document.body) return;
  for (const form of [elt, ...elt.querySelectorAll("form")].filter((one) => one.matches("form") && isWork(one))) bringBack(form);
});
