// Pages with charts only.
import "./elements/line-chart.js";
import "./elements/bar-chart.js";
