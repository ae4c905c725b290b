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

// Three elements a line, not seven: number, time and step are attributes that CSS shows, so a long log stays light.
function row({ n, at, level, step, index, attempt, text }) {
  const line = element("div", { class: `log__line log__line--${level}`, "data-n": n });
  const words = element("span", { class: "log__text" }, text);
  if (step) words.dataset.step = `${step}${index === null || index === undefined ? "" : `[${index}]`}${attempt > 1 ? ` #${attempt}` : ""} `;
  line.append(element("span", { class: "log__level", "data-at": clock(at), title: at }, level), words);
  return line;
}

function clock(at) {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return "";
  const two = (number) => String(number).padStart(2, "0");
  const milliseconds = String(time.getMilliseconds()).padStart(3, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${milliseconds}`;
}
