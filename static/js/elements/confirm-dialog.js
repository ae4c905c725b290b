import { ask, proceed } from "../lib/ask.js";
import { toast } from "../lib/toast.js";

// Forms with data-confirm="Cancel run 42?" ask first. Without script they are plain posts.
// The answers are words that cannot be mistaken: “Yes, cancel” and “No, go back”.
// Optional: data-confirm-label (the verb), data-confirm-tone="danger", data-confirm-text (a second line).
const confirmed = new WeakSet();

function question({ confirm, confirmLabel = "", confirmTone = "", confirmText = "" }) {
  const yes = confirmLabel ? `Yes, ${confirmLabel.toLowerCase()}` : "Yes";
  return ask({ title: confirm, text: confirmText, tone: confirmTone, yes });
}

async function intercept(event) {
  const form = event.target;
  const source = event.submitter?.dataset.confirm ? event.submitter : form;
  if (!source.dataset?.confirm || confirmed.delete(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { submitter } = event;
  if (!(await question(source.dataset))) return;
  const asked = form.isConnected ? form : standIn(form);
  if (!asked) return toast("What you were asked about has changed meanwhile. Nothing was done.", "warning");
  confirmed.add(asked);
  proceed(asked, submitter);
}

// A refresh while one thought about it has put the same question in a new form.
function standIn(form) {
  const leads = form.getAttribute("action");
  return [...document.querySelectorAll("form[data-confirm]")].find((one) => one.getAttribute("action") === leads && one.dataset.confirm === form.dataset.confirm);
}

// Capturing, so that it comes before HTMX's own listener on the form.
document.addEventListener("submit", intercept, true);
