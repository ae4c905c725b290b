import { element, icon } from "./dom.js";

const ICONS = { success: "circle-check", danger: "error", warning: "alert", info: "info" };
const ELSEWHERE = { target: "_blank", rel: "noopener" };
const STAYS_MS = { danger: 0, warning: 12000 };

// Show `message`. `act` ({label, act}), `retry` (a function) and `link` ({url, label}; elsewhere: in a new tab) add a button;
// then, and after errors, it stays until closed. Answers its element.
export function toast(message, tone = "success", { act, retry, link } = {}) {
  const stack = document.querySelector("toast-stack");
  if (!stack) return null;
  // The same words again replace the old ones instead of piling up.
  for (const old of stack.children) if (old.querySelector(".toast-item__text")?.textContent === message) old.remove();
  const text = element("span", { class: "toast-item__text" }, message);
  const item = element("div", { class: `toast-item tone-${tone}` }, icon(ICONS[tone] ?? "info"), text);
  if (link) item.append(element("a", { class: "btn btn-sm", href: link.url, ...(link.elsewhere ? ELSEWHERE : {}) }, link.label));
  const asked = act ?? (retry && { label: "Retry", act: retry });
  if (asked) item.append(actButton(item, asked));
  stack.append(item);
  dress(item, asked || link ? 0 : STAYS_MS[tone] ?? 6000);
  return item;
}

function actButton(item, { label, act }) {
  const button = element("button", { type: "button", class: "btn btn-sm" }, label);
  button.addEventListener("click", () => { item.remove(); act(); });
  return button;
}

// Give a toast its close button and its time to go.
export function dress(item, staysMs) {
  const close = element("button", { type: "button", class: "toast-item__close", "aria-label": "Close" }, icon("x", "sm"));
  close.addEventListener("click", () => item.remove());
  item.append(close);
  if (staysMs) setTimeout(() => item.remove(), staysMs);
}
