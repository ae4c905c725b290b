const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30000;
const REST_AFTER_HIDDEN_MS = 5 * 60000;
// Signed out, not a member any more, no such thing, no such place: asking again would change nothing.
const ACCESS_ENDED = new Set([4400, 4401, 4403, 4404]);

// A socket that never gives up and never shows a frame twice. `after` moves with each frame, so that a reconnect
// asks only for what is missing. Frames: {seq, type, at, data}; seq is a number, or a cursor compared for equality.
export class LiveSocket {
  #socket = null;
  #timer = null;
  #restTimer = null;
  #tries = 0;
  #done = false;

  constructor(path, after, { onFrame, onState }) {
    Object.assign(this, { path, after, onFrame, onState });
    this.visibility = () => this.#visibilityChanged();
    this.online = () => this.#again(0);
  }

  open() {
    document.addEventListener("visibilitychange", this.visibility);
    addEventListener("online", this.online);
    this.onState("connecting");
    this.#connect();
  }

  close() {
    this.#done = true;
    document.removeEventListener("visibilitychange", this.visibility);
    removeEventListener("online", this.online);
    clearTimeout(this.#timer);
    clearTimeout(this.#restTimer);
    this.#socket?.close(1000);
  }

  #connect() {
    const url = new URL(this.path, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("after", this.after);
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => socket === this.#socket && this.#received(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => socket === this.#socket && this.#closed(code));
  }

  #received(frame) {
    this.#tries = 0;
    if (frame.type !== "caught_up" && this.#seen(frame.seq)) return;
    if (frame.seq !== undefined && frame.seq !== null) this.after = String(frame.seq);
    this.onFrame(frame);
  }

  #seen(seq) {
    return typeof seq === "number" ? seq <= Number(this.after) : seq !== undefined && String(seq) === this.after;
  }

  #closed(code) {
    this.#socket = null;
    if (this.#done) return;
    if (ACCESS_ENDED.has(code)) {
      this.onState("closed");
      return this.close();
    }
    this.onState("reconnecting");
    const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#tries++);
    this.#again(Math.random() * ceiling);
  }

  #again(afterMs) {
    if (this.#socket || this.#done) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket || this.#connect(), afterMs);
  }

  // A tab nobody looks at for long gives its socket back; it catches up when it is looked at again.
  #visibilityChanged() {
    clearTimeout(this.#restTimer);
    if (!document.hidden) return this.#again(0);
    this.#restTimer = setTimeout(() => this.#rest(), REST_AFTER_HIDDEN_MS);
  }

  #rest() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    socket?.close(1000);
    this.onState("resting");
  }
}
