import { element } from "../lib/dom.js";
import { isCommand } from "../lib/keys.js";
import { isUnsaved } from "./unsaved-work.js";

// Ctrl-S (Cmd-S) in any field of a form[data-saves], or beside it, saves. In a form that starts or sends something it
// does nothing, and least of all the browser's own “save page”.
const FORM = "form[data-saves]";

document.addEventListener("keydown", (event) => {
  if (!isCommand(event, "s") || document.querySelector("dialog[open]")) return;
  const around = event.target.closest?.("form[method=post]");
  const form = around ?? document.querySelector(FORM);
  if (!form) return;
  event.preventDefault();
  if (form.matches(FORM) && !event.repeat) form.requestSubmit();
});

// A link that shows or tries what is saved, a[data-saves-first="test"], saves first when there is something to save: the
// form is sent with `then=test`, and its answer leads on.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-saves-first]");
  const form = document.querySelector(FORM);
  if (!link || !form || !isUnsaved(form)) return;
  event.preventDefault();
  const button = element("button", { type: "submit", name: "then", value: link.dataset.savesFirst, hidden: "" });
  form.append(button);
  button.click();
  button.remove();
});
