import { onTick } from "../lib/ticker.js";

const UNITS = [["d", 86400], ["h", 3600], ["m", 60]];

function relativeText(seconds) {
  const size = Math.abs(seconds);
  if (size < 5) return "just now";
  const [unit, length] = UNITS.find(([, length]) => size >= length) ?? ["s", 1];
  const text = `${Math.floor(size / length)} ${unit}`;
  return seconds >= 0 ? `${text} ago` : `in ${text}`;
}

// Wraps a <time>: shows how long ago it was and keeps that current. Without script the absolute time stays.
class RelativeTime extends HTMLElement {
  #stop;

  connectedCallback() {
    if (this.hasAttribute("absolute")) return;
    this.#stop = onTick((now) => this.#show(now));
    this.#show(Date.now());
  }

  disconnectedCallback() {
    this.#stop?.();
  }

  #show(now) {
    const time = this.querySelector("time");
    const at = Date.parse(time?.dateTime);
    if (Number.isNaN(at)) return;
    const text = now - at > 30 * 86400e3 ? time.title.slice(0, 10) : relativeText((now - at) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
}

customElements.define("relative-time", RelativeTime);
