import { element } from "./dom.js";

const CHUNK_LINES = 200;

// The lines of a log in chunks of 200; CSS `content-visibility` lets the browser skip those out of sight.
export class LogLines {
  count = 0;
  scrolling = false;
  #chunk = null;

  constructor(box) {
    this.box = box;
  }

  append(lines) {
    for (const line of lines) {
      if (this.count % CHUNK_LINES === 0) this.box.append((this.#chunk = element("div", { class: "log__chunk" })));
      this.#chunk.append(row(line));
      this.count += 1;
    }
  }

  toEnd() {
    this.scrolling = true;
    this.box.scrollTop = this.box.scrollHeight;
    requestAnimationFrame(() => {
      this.box.scrollTop = this.box.scrollHeight;
      requestAnimationFrame(() => { this.scrolling = false; });
    });
  }
}

function row({ n, at, level, step, attempt, text }) {
  const words = element("span", { class: "log__text" });
  if (step) words.append(element("span", { class: "log__step" }, attempt > 1 ? `${step}#${attempt} ` : `${step} `));
  words.append(text);
  return element(
    "div",
    { class: `log__line log__line--${level}` },
    element("span", { class: "log__n" }, String(n)),
    element("time", { class: "log__at", datetime: at, title: at }, clock(at)),
    element("span", { class: "log__level" }, level),
    words,
  );
}

function clock(at) {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return "";
  return `${time.toLocaleTimeString("en-GB")}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
