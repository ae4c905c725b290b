import { element } from "../lib/dom.js";
import { LogLines } from "../lib/log-lines.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15000;
const TOO_MANY = 429;
const UPWARDS = new Set(["ArrowUp", "PageUp", "Home"]);

// Follows a log. data-url answers ?after=N with {"lines": [{n, at, level, step, attempt, text}], "next": N, "done": bool}.
// Inside: [data-log-lines] (where lines go) and, if wanted, [data-log-follow] (checkbox), [data-log-level] (select), [data-log-count].
// Lines are text in the page, in chunks that the browser skips while out of sight, so Ctrl-F and 100,000 lines both work.
class LogTail extends HTMLElement {
  #lines;
  #next = 0;
  #timer;
  #failures = 0;
  #busy = false;
  #leave;

  connectedCallback() {
    const box = this.querySelector("[data-log-lines]");
    this.#leave = new AbortController();
    this.#lines = new LogLines(box);
    const options = { signal: this.#leave.signal };
    this.querySelector("[data-log-level]")?.addEventListener("change", (event) => { box.dataset.level = event.target.value; }, options);
    this.#follow?.addEventListener("change", () => this.#scroll(), options);
    box.addEventListener("scroll", () => this.#scrolled(box), { ...options, passive: true });
    box.addEventListener("wheel", ({ deltaY }) => deltaY < 0 && this.#goBack(box), { ...options, passive: true });
    box.addEventListener("keydown", ({ key }) => UPWARDS.has(key) && this.#goBack(box), options);
    document.addEventListener("live:event", ({ detail }) => detail.type === "run.logs" && this.#soon(0), options);
    this.#soon(0);
  }

  disconnectedCallback() {
    this.#leave.abort();
    clearTimeout(this.#timer);
  }

  get #follow() { return this.querySelector("[data-log-follow]"); }

  #soon(afterMs) {
    if (this.#busy) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fetch(), afterMs);
  }

  async #fetch() {
    this.#busy = true;
    const url = new URL(this.dataset.url, location.href);
    url.searchParams.set("after", this.#next);
    try {
      const options = { headers: { Accept: "application/json" }, redirect: "manual", signal: this.#leave.signal };
      const response = await fetch(url, options);
      // Busy from now on: nothing makes it ask again.
      if (hasEnded(response)) return this.#say("Not followed: access has ended");
      if (!response.ok) throw new Error(String(response.status));
      this.#received(await response.json());
    } catch (error) {
      if (error.name !== "AbortError") this.#failed();
    }
  }

  #received({ lines, next, done }) {
    this.#busy = false;
    this.#failures = 0;
    const moved = next > this.#next;
    this.#next = Math.max(this.#next, next);
    this.#lines.append(lines);
    this.#count(done);
    this.#scroll();
    if (moved && lines.length) this.#soon(lines.length > 500 ? 0 : FIRST_WAIT_MS);
    else if (!done) this.#soon(2 * FIRST_WAIT_MS);
  }

  #failed() {
    this.#busy = false;
    this.#say("Reconnecting");
    this.#soon(Math.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** ++this.#failures));
  }

  #count(done) {
    const { count } = this.#lines;
    const lines = `${count.toLocaleString("en")} ${count === 1 ? "line" : "lines"}`;
    this.#say(done ? lines : `${lines}, following`);
    if (done && !this.#lines.count) this.#lines.box.replaceChildren(element("div", { class: "log__empty" }, "No log lines."));
  }

  #say(text) {
    const count = this.querySelector("[data-log-count]");
    if (count) count.textContent = text;
  }

  #scroll() {
    if (this.#follow?.checked) this.#lines.toEnd();
  }

  // At once, also while new lines are being scrolled to, when a scroll tells nothing of who did it.
  #goBack(box) {
    if (!this.#follow?.checked || box.scrollTop === 0) return;
    this.#lines.stay();
    this.#follow.checked = false;
  }

  // Scrolling up stops following, reaching the end starts it again.
  #scrolled(box) {
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    if (this.#follow && !this.#lines.scrolling) this.#follow.checked = atEnd;
  }
}

// Signed out (which leads to the sign-in page), not a member any more, no such run: asking again would change nothing.
function hasEnded({ type, status }) {
  return type === "opaqueredirect" || (status >= 400 && status < 500 && status !== TOO_MANY);
}

customElements.define("log-tail", LogTail);
