import { element, whenReady } from "../lib/dom.js";
import { LiveSocket } from "../lib/live-socket.js";
import { Refresher } from "../lib/refresher.js";

const WORDS = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting…",
  closed: "Not live: access has ended",
  resting: "Paused while hidden",
};
const BACK = "Connected again";
const BACK_SHOWN_MS = 3000;
const SLOW_MS = 1500;

// The page's one socket. Attributes: url ("/ws/runs/42"), after (last seq or cursor the page already shows).
// Shows its state, fires `live:event` for each new frame and `live:state`, and refreshes every element with
// data-live-refresh="run. step.succeeded" (types or prefixes; empty or * for all) by triggering its HTMX `live`.
class LiveEvents extends HTMLElement {
  #socket;
  #timer;
  #refresher;
  #gap = 0;

  connectedCallback() {
    this.replaceChildren(element("span", { class: "live-state", role: "status" }));
    this.#socket = new LiveSocket(this.getAttribute("url"), this.getAttribute("after") ?? "0", {
      onFrame: (frame) => this.#frame(frame),
      onState: (state) => this.#state(state),
    });
    this.#refresher = new Refresher(this.getAttribute("after") ?? "0", (gapMs) => this.#slowed(gapMs));
    this.#refresher.start();
    // Not before: what an event refreshes would not hear of it.
    whenReady(() => this.isConnected && this.#socket.open());
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#socket.close();
    this.#refresher.stop();
  }

  #frame(frame) {
    if (frame.type === "caught_up") return this.#state("live");
    this.dispatchEvent(new CustomEvent("live:event", { bubbles: true, detail: frame }));
    this.#refresher.wanted(frame.type, frame.seq);
  }

  #state(state) {
    if (this.dataset.state === state) return;
    const isBack = state === "live" && this.dataset.state === "reconnecting";
    this.dataset.state = state;
    this.#say(isBack ? BACK : state === "live" ? this.#live : WORDS[state]);
    if (isBack) this.#timer = setTimeout(() => this.#say(this.#live), BACK_SHOWN_MS);
    this.title = state === "reconnecting" ? "What you see may be out of date. It catches up by itself." : "";
    this.dispatchEvent(new CustomEvent("live:state", { bubbles: true, detail: { state } }));
  }

  // Much is watched at the moment: the page refreshes less often, and says so.
  #slowed(gapMs) {
    this.#gap = gapMs;
    if (this.dataset.state === "live") this.#say(this.#live);
  }

  get #live() {
    return this.#gap > SLOW_MS ? `${WORDS.live}, every ${Math.round(this.#gap / 1000)} s` : WORDS.live;
  }

  #say(words) {
    clearTimeout(this.#timer);
    this.firstElementChild.textContent = words;
  }
}

customElements.define("live-events", LiveEvents);
