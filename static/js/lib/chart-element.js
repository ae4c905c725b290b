import { Chart } from "chart.js";

import { baseOptions } from "./chart-theme.js";

const system = matchMedia("(prefers-color-scheme: dark)");

// A chart over a table: data-source names the <script type="application/json"> inside. Subclasses say `kind` and how a series is `drawn`.
export class ChartElement extends HTMLElement {
  #chart;
  #redraw = () => this.#draw();

  connectedCallback() {
    document.addEventListener("theme", this.#redraw);
    system.addEventListener("change", this.#redraw);
    this.#draw();
  }

  disconnectedCallback() {
    document.removeEventListener("theme", this.#redraw);
    system.removeEventListener("change", this.#redraw);
    this.#chart?.destroy();
  }

  #draw() {
    this.#chart?.destroy();
    this.querySelector("canvas")?.remove();
    const data = JSON.parse(this.querySelector("script").textContent);
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", this.getAttribute("label") ?? "");
    this.prepend(canvas);
    this.dataset.ready = "";
    const datasets = data.series.map((series) => this.drawn(series, data));
    this.#chart = new Chart(canvas, { type: this.kind, data: { labels: data.labels, datasets }, options: baseOptions(data) });
  }
}
