import { element, icon } from "./dom.js";

const ICONS = { success: "circle-check", danger: "error", warning: "alert", info: "info" };
const STAYS_MS = { danger: 0, warning: 12000 };

// Show `message`. `retry` (a function) and `link` ({url, label}) add a button; then, and after errors, it stays until closed.
export function toast(message, tone = "success", { retry, link } = {}) {
  const stack = document.querySelector("toast-stack");
  if (!stack) return;
  // The same words again replace the old ones instead of piling up.
  for (const old of stack.children) if (old.querySelector(".toast-item__text")?.textContent === message) old.remove();
  const text = element("span", { class: "toast-item__text" }, message);
  const item = element("div", { class: `toast-item tone-${tone}` }, icon(ICONS[tone] ?? "info"), text);
  if (retry) item.append(retryButton(item, retry));
  if (link) item.append(element("a", { class: "btn btn-sm", href: link.url }, link.label));
  stack.append(item);
  dress(item, retry || link ? 0 : STAYS_MS[tone] ?? 6000);
}

function retryButton(item, retry) {
  const button = element("button", { type: "button", class: "btn btn-sm" }, "Retry");
  button.addEventListener("click", () => { item.remove(); retry(); });
  return button;
}

// Give a toast its close button and its time to go.
export function dress(item, staysMs) {
  const close = element("button", { type: "button", class: "toast-item__close", "aria-label": "Close" }, icon("x", "sm"));
  close.addEventListener("click", () => item.remove());
  item.append(close);
  if (staysMs) setTimeout(() => item.remove(), staysMs);
}
