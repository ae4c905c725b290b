// Charts read the colours of the page, so they follow the theme.
const SOLID = { info: 1, success: 1, warning: 1, orange: 1, danger: 1, purple: 1, neutral: 1 };
const probe = document.createElement("span");

// Canvas does not know light-dark(); an element in the page resolves it.
export function colour(name) {
  probe.hidden = true;
  document.body.append(probe);
  probe.style.color = `var(--${name})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

export function toneColour(tone) {
  return colour(tone in SOLID ? `${tone}-solid` : "accent-text");
}

export function baseOptions({ stacked = false, unit = "" }) {
  const text = colour("text-muted");
  const line = colour("line");
  const font = { family: getComputedStyle(document.body).fontFamily, size: 11 };
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    interaction: { mode: "index", intersect: false },
    plugins: {
      legend: { display: true, position: "bottom", align: "start", labels: { color: text, font, boxWidth: 10, boxHeight: 10, padding: 12, usePointStyle: true } },
      tooltip: { backgroundColor: colour("surface-raised"), titleColor: colour("text"), bodyColor: colour("text"), borderColor: colour("line-strong"), borderWidth: 1, cornerRadius: 6, padding: 8, usePointStyle: true },
    },
    scales: {
      x: { stacked, grid: { display: false }, border: { color: line }, ticks: { color: text, font, maxRotation: 0, autoSkipPadding: 16 } },
      y: { stacked, beginAtZero: true, grid: { color: line }, border: { display: false }, ticks: { color: text, font, maxTicksLimit: 5, precision: 0, callback: (value) => `${value.toLocaleString("en")}${unit && ` ${unit}`}` } },
    },
  };
}
