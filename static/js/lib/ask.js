import { element } from "./dom.js";

// A question with two answers that cannot be mistaken. Resolves to true for yes; Escape is no.
export function ask({ title, text = "", yes = "Yes", no = "No, go back", tone = "" }) {
  const accept = element("button", { value: "yes", class: tone === "danger" ? "btn btn-danger-solid" : "btn btn-primary" }, yes);
  const refuse = element("button", { value: "no", class: "btn", autofocus: "" }, no);
  const heading = element("h2", { class: "dialog__title", id: "confirm-title" }, title);
  const body = element("div", { class: "dialog__body" }, heading, element("p", { class: "dialog__text" }, text));
  const form = element("form", { method: "dialog" }, body, element("div", { class: "dialog__actions" }, refuse, accept));
  const dialog = element("dialog", { class: "dialog", "aria-labelledby": "confirm-title" }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
  });
}

// Send what was held back for a question. By a click, where there was one: HTMX knows only by it which button it was.
export function proceed(form, submitter) {
  if (submitter?.isConnected) submitter.click();
  else form.requestSubmit();
}
