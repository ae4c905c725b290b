import { element } from "../lib/dom.js";
import { LiveSocket } from "../lib/live-socket.js";
import { Refresher } from "../lib/refresher.js";

const WORDS = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  closed: "Not live: access has ended",
  resting: "Paused while hidden",
};

// The page's one socket. Attributes: url ("/ws/runs/42"), after (last seq or cursor the page already shows).
// Shows its state, fires `live:event` for each new frame and `live:state`, and refreshes every element with
// data-live-refresh="run. step.succeeded" (types or prefixes; empty or * for all) by triggering its HTMX `live`.
class LiveEvents extends HTMLElement {
  #socket;
  #refresher = new Refresher();

  connectedCallback() {
    this.replaceChildren(element("span", { class: "live-state", role: "status" }));
    this.#socket = new LiveSocket(this.getAttribute("url"), this.getAttribute("after") ?? "0", {
      onFrame: (frame) => this.#frame(frame),
      onState: (state) => this.#state(state),
    });
    this.#socket.open();
  }

  disconnectedCallback() {
    this.#socket.close();
    this.#refresher.stop();
  }

  #frame(frame) {
    if (frame.type === "caught_up") return this.#state("live");
    this.dispatchEvent(new CustomEvent("live:event", { bubbles: true, detail: frame }));
    this.#refresher.wanted(frame.type);
  }

  #state(state) {
    if (this.dataset.state === state) return;
    this.dataset.state = state;
    this.firstElementChild.textContent = WORDS[state];
    this.dispatchEvent(new CustomEvent("live:state", { bubbles: true, detail: { state } }));
  }
}

customElements.define("live-events", LiveEvents);
