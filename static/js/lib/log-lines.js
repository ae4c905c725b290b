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
      if (this.scrolling) this.box.scrollTop = this.box.scrollHeight;
      requestAnimationFrame(() => { this.scrolling = false; });
    });
  }

  // Somebody scrolls by hand while it is on its way to the end.
  stay() {
    this.scrolling = false;
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

let shown;

// Like all other times of the page, in the zone of its person or project.
function clock(at) {
  const time = new Date(at);
  shown ??= clockIn(document.body.dataset.zone);
  return Number.isNaN(time.getTime()) ? "" : shown.format(time);
}

function clockIn(timeZone) {
  const digits = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" };
  try {
    return new Intl.DateTimeFormat("en-GB", { ...digits, timeZone });
  } catch {
    // A zone that this browser does not know.
    return new Intl.DateTimeFormat("en-GB", digits);
  }
}
