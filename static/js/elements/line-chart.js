import { CategoryScale, Chart, Filler, Legend, LinearScale, LineController, LineElement, PointElement, Tooltip } from "chart.js";

import { ChartElement } from "../lib/chart-element.js";
import { toneColour } from "../lib/chart-theme.js";

Chart.register(CategoryScale, Filler, Legend, LinearScale, LineController, LineElement, PointElement, Tooltip);

const DASHES = [[], [6, 3], [2, 3]];

// A value between two gaps has no line to be seen by.
const stands = (values, index) => values[index - 1] == null && values[index + 1] == null;

class LineChart extends ChartElement {
  kind = "line";

  drawn({ name, values, tone }, { series }) {
    const colour = toneColour(tone);
    const index = series.findIndex((one) => one.name === name);
    return { label: name, data: values, borderColor: colour, backgroundColor: colour, borderWidth: 2, borderDash: DASHES[index % 3], pointRadius: ({ dataIndex }) => (stands(values, dataIndex) ? 4 : 0), pointHitRadius: 12, pointStyle: "line", tension: 0.25, spanGaps: true };
  }
}

customElements.define("line-chart", LineChart);
