import { element } from "../lib/dom.js";

// Forms with data-confirm="Cancel run 42?" ask first. Without script they are plain posts.
// The answers are words that cannot be mistaken: “Yes, cancel” and “No, go back”.
// Optional: data-confirm-label (the verb), data-confirm-tone="danger", data-confirm-text (a second line).
const confirmed = new WeakSet();

function ask({ confirm, confirmLabel = "", confirmTone = "", confirmText = "" }) {
  const yes = element("button", { value: "yes", class: confirmTone === "danger" ? "btn btn-danger-solid" : "btn btn-primary" }, confirmLabel ? `Yes, ${confirmLabel.toLowerCase()}` : "Yes");
  const no = element("button", { value: "no", class: "btn", autofocus: "" }, "No, go back");
  const title = element("h2", { class: "dialog__title", id: "confirm-title" }, confirm);
  const body = element("div", { class: "dialog__body" }, title, element("p", { class: "dialog__text" }, confirmText));
  const form = element("form", { method: "dialog" }, body, element("div", { class: "dialog__actions" }, no, yes));
  const dialog = element("dialog", { class: "dialog", "aria-labelledby": "confirm-title" }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
  });
}

async function intercept(event) {
  const form = event.target;
  const source = event.submitter?.dataset.confirm ? event.submitter : form;
  if (!source.dataset?.confirm || confirmed.delete(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { submitter } = event;
  if (!(await ask(source.dataset)) || !form.isConnected) return;
  confirmed.add(form);
  form.requestSubmit(submitter?.isConnected ? submitter : undefined);
}

// Capturing, so that it comes before HTMX's own listener on the form.
document.addEventListener("submit", intercept, true);
