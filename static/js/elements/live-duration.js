import { durationText } from "../lib/duration.js";
import { onTick } from "../lib/ticker.js";

// Grows from `since` (ISO time) while it is in the page. The server sends plain text once the thing has ended.
class LiveDuration extends HTMLElement {
  #stop;

  connectedCallback() {
    const since = Date.parse(this.getAttribute("since"));
    if (Number.isNaN(since)) return;
    const show = (now) => {
      const ms = Math.max(0, now - since);
      this.textContent = durationText(ms);
    };
    this.#stop = onTick(show);
  }

  disconnectedCallback() {
    this.#stop?.();
  }
}

customElements.define("live-duration", LiveDuration);
