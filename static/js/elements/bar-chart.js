import { BarController, BarElement, CategoryScale, Chart, Legend, LinearScale, Tooltip } from "chart.js";

import { ChartElement } from "../lib/chart-element.js";
import { toneColour } from "../lib/chart-theme.js";

Chart.register(BarController, BarElement, CategoryScale, Legend, LinearScale, Tooltip);

class BarChart extends ChartElement {
  kind = "bar";

  drawn({ name, values, tone }) {
    return { label: name, data: values, backgroundColor: toneColour(tone), borderRadius: 2, maxBarThickness: 22, categoryPercentage: 0.8, barPercentage: 0.9, pointStyle: "rectRounded" };
  }
}

customElements.define("bar-chart", BarChart);
