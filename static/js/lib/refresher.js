const GAP_MS = 1000;
const AGAIN_MS = 5000;
const HIDDEN_GAP_MS = 10000;

// Elements with data-live-refresh are re-fetched when an event concerns them: at once, then as often as the server can bear,
// at most once a second each, and every ten seconds while nobody looks. The request says what the page has heard of (Live-After) and what it shows (If-None-Match);
// the answer says how long to wait for the next (Live-Pace), and whether it is older than what was asked (Live-Behind).
export class Refresher {
  #last = new Map();
  #waiting = new Map();
  #shown = new WeakMap();
  #position;
  #onPace;
  #gap = GAP_MS;
  #onRequest = ({ detail }) => this.#asks(detail);
  #onAnswer = ({ detail }) => this.#answered(detail);
  #onSight = () => document.hidden || this.#catchUp();

  constructor(position, onPace) {
    this.#position = position;
    this.#onPace = onPace;
  }

  start() {
    document.body.addEventListener("htmx:configRequest", this.#onRequest);
    document.body.addEventListener("htmx:afterRequest", this.#onAnswer);
    document.addEventListener("visibilitychange", this.#onSight);
  }

  wanted(type, position) {
    this.#position = position ?? this.#position;
    for (const part of document.querySelectorAll("[data-live-refresh]")) {
      if (concerns(part.dataset.liveRefresh, type)) this.#schedule(part);
    }
  }

  stop() {
    document.body.removeEventListener("htmx:configRequest", this.#onRequest);
    document.body.removeEventListener("htmx:afterRequest", this.#onAnswer);
    document.removeEventListener("visibilitychange", this.#onSight);
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #schedule(part, gapMs = this.#gap) {
    const key = part.id || part;
    if (this.#waiting.has(key)) return;
    const gap = document.hidden ? Math.max(gapMs, HIDDEN_GAP_MS) : gapMs;
    const due = (this.#last.get(key) ?? 0) + gap - Date.now();
    this.#waiting.set(key, setTimeout(() => this.#refresh(key), Math.max(due, 0)));
  }

  // Whoever looks again sees at once what came meanwhile.
  #catchUp() {
    for (const [key, timer] of this.#waiting) {
      clearTimeout(timer);
      this.#refresh(key);
    }
  }

  #asks({ elt, verb, headers }) {
    if (verb !== "get" || !elt.matches("[data-live-refresh]")) return;
    headers["Live-After"] = String(this.#position);
    const shown = this.#shown.get(elt);
    if (shown) headers["If-None-Match"] = shown;
  }

  #answered({ requestConfig: { elt, verb }, successful, xhr }) {
    // After a swap `elt` is the part that was there before.
    if (verb !== "get" || !elt.matches("[data-live-refresh]")) return;
    // A refresh that failed is made up for, else the part would stay old until the next event.
    if (!successful) return mayPass(xhr) && this.#schedule(elt, AGAIN_MS);
    const part = elt.id ? document.getElementById(elt.id) : elt;
    const tag = xhr.getResponseHeader("ETag");
    if (part && tag) this.#shown.set(part, tag);
    this.#keepPace(Number(xhr.getResponseHeader("Live-Pace")));
    if (part && xhr.getResponseHeader("Live-Behind")) this.#schedule(part);
  }

  #keepPace(ms) {
    const gap = Math.max(GAP_MS, ms || 0);
    if (gap === this.#gap) return;
    this.#gap = gap;
    this.#onPace(gap);
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
