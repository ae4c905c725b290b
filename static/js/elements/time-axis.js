import { durationText } from "../lib/duration.js";
import { onTick } from "../lib/ticker.js";

const SVG = "http://www.w3.org/2000/svg";
const STEPS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 21600e3, 86400e3];

// Places the bars of a timeline on a real time axis. Attributes: start (ISO time), end (ISO time, absent while running).
// Bars are <rect data-from="ms" data-to="ms"> inside svg.timeline__track, ms since `start`; a bar without data-to grows.
class TimeAxis extends HTMLElement {
  #stop;

  connectedCallback() {
    this.#place();
    if (!this.hasAttribute("end")) this.#stop = onTick(() => this.#place());
  }

  disconnectedCallback() {
    this.#stop?.();
  }

  #place() {
    const start = Date.parse(this.getAttribute("start"));
    const end = this.hasAttribute("end") ? Date.parse(this.getAttribute("end")) : Date.now();
    const now = Math.max(1, end - start);
    const bars = [...this.querySelectorAll("rect[data-from]")];
    const span = Math.max(now, ...bars.map((bar) => Number(bar.dataset.to ?? 0)));
    for (const bar of bars) this.#bar(bar, now, span);
    this.#ticks(span);
  }

  #bar(bar, now, span) {
    const from = Number(bar.dataset.from);
    const to = bar.dataset.to === undefined ? now : Number(bar.dataset.to);
    const width = Math.max(0.4, ((to - from) / span) * 100);
    bar.setAttribute("x", `${Math.min((from / span) * 100, 99.6)}%`);
    bar.setAttribute("width", `${Math.min(width, 100)}%`);
  }

  #ticks(span) {
    const axis = this.querySelector("[data-axis]");
    if (!axis) return;
    const step = STEPS_MS.find((ms) => span / ms <= 7) ?? 86400e3 * Math.ceil(span / 86400e3 / 7);
    const marks = [];
    for (let at = 0; at < span * 0.94; at += step) marks.push(tick(at, span));
    axis.replaceChildren(...marks);
  }
}

function tick(at, span) {
  const text = document.createElementNS(SVG, "text");
  text.setAttribute("x", `${(at / span) * 100}%`);
  text.setAttribute("y", "17");
  text.textContent = at === 0 ? "0" : durationText(at).replace(".0 s", " s").replace(" 00 s", "").replace(" 00 m", "");
  return text;
}

customElements.define("time-axis", TimeAxis);
