import { personNow, personOfPage } from "./cookies.js";

// Work that is not saved, in this tab's storage: {values, at, sent} by form. It is its person's alone.
const PREFIX = "unsaved ";

// A form is known by where it leads, and by which one of those it is.
function keyOf(form) {
  const address = (one) => new URL(one.getAttribute("action") || location.href, location.href);
  const { pathname, search } = address(form);
  const same = [...document.querySelectorAll("form[method=post]")].filter((one) => address(one).href === address(form).href);
  return `${PREFIX}${personOfPage()} ${pathname}${search} ${same.indexOf(form)}`;
}

const keys = () => Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));

export function put(form, entry) {
  // A full storage keeps nothing more; the question before leaving remains.
  try { sessionStorage.setItem(keyOf(form), JSON.stringify(entry)); } catch { drop(form); }
}

export function find(form) {
  const text = sessionStorage.getItem(keyOf(form));
  return text === null ? null : JSON.parse(text);
}

export function drop(form) {
  sessionStorage.removeItem(keyOf(form));
}

// Who signed out leaves nothing behind, and nothing is shown to the next person.
export function dropOfOthers() {
  const person = personOfPage();
  for (const key of keys()) {
    if (!personNow() || (person && !key.startsWith(`${PREFIX}${person} `))) sessionStorage.removeItem(key);
  }
}

// What was sent away: gone when it has `arrived`, else it is unsaved as before.
export function settle({ arrived }) {
  for (const key of keys()) {
    const entry = JSON.parse(sessionStorage.getItem(key));
    if (!entry.sent) continue;
    if (arrived) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify({ ...entry, sent: false }));
  }
}
