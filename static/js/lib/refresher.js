const GAP_MS = 1000;
const AGAIN_MS = 5000;

// Elements with data-live-refresh are re-fetched when an event concerns them: at once, then at most once a second each.
export class Refresher {
  #last = new Map();
  #waiting = new Map();
  #onAnswer = ({ detail }) => this.#answered(detail);

  start() {
    document.body.addEventListener("htmx:afterRequest", this.#onAnswer);
  }

  wanted(type) {
    for (const part of document.querySelectorAll("[data-live-refresh]")) {
      if (concerns(part.dataset.liveRefresh, type)) this.#schedule(part);
    }
  }

  stop() {
    document.body.removeEventListener("htmx:afterRequest", this.#onAnswer);
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #schedule(part, gapMs = GAP_MS) {
    const key = part.id || part;
    if (this.#waiting.has(key)) return;
    const due = (this.#last.get(key) ?? 0) + gapMs - Date.now();
    this.#waiting.set(key, setTimeout(() => this.#refresh(key), Math.max(due, 0)));
  }

  // A refresh that failed is made up for, else the part would stay old until the next event.
  #answered({ elt, requestConfig, successful, xhr }) {
    if (requestConfig.triggeringEvent?.type !== "live" || successful || !mayPass(xhr)) return;
    if (elt.matches("[data-live-refresh]")) this.#schedule(elt, AGAIN_MS);
  }

  // Found again by id: a swap may have put a new element in its place.
  #refresh(key) {
    this.#waiting.delete(key);
    const part = typeof key === "string" ? document.getElementById(key) : key;
    if (!part?.isConnected) return;
    this.#last.set(key, Date.now());
    // Nobody's open menu closes under their hands, and no answer to a button comes to a part that is gone: the part catches
    // up as soon as it can.
    if (part.querySelector("drop-menu details[open], [data-disabled-by-htmx]")) return this.#schedule(part);
    htmx.trigger(part, "live");
  }
}

function mayPass({ status }) {
  return status === 0 || status === 429 || status >= 500;
}

function concerns(wanted, type) {
  const words = wanted.trim().split(/\s+/).filter(Boolean);
  return !words.length || words.some((word) => word === "*" || word === type || (word.endsWith(".") && type.startsWith(word)));
}
