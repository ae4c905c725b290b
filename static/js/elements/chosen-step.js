// Beside the timeline stands one step. Its row and its box in the graph are marked, whichever of them was fetched last;
// where the panel stands below the rows instead of beside them, choosing a row leads there.
const STACKED = matchMedia("(max-width: 1199.98px)");
const CHOICES = ".timeline__row, .step-graph__node";

function mark(panel) {
  const chosen = ["step", "node"].map((part) => document.getElementById(`${part}-${panel.dataset.step}`));
  for (const choice of document.querySelectorAll(CHOICES)) if (!chosen.includes(choice)) choice.removeAttribute("aria-current");
  for (const choice of chosen) choice?.setAttribute("aria-current", "true");
}

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const panel = document.getElementById("step-panel");
  if (!panel) return;
  mark(panel);
  if (STACKED.matches && detail.requestConfig?.elt.matches(CHOICES)) panel.scrollIntoView({ block: "start" });
});

// HTMX does not keep the browser from following a link inside of an SVG.
document.addEventListener("click", (event) => {
  const node = event.target.closest("a.step-graph__node");
  const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0;
  if (!node || elsewhere || !document.getElementById("step-panel")) return;
  event.preventDefault();
  htmx.ajax("GET", node.getAttribute("href"), { source: node, target: "#step-panel", swap: "outerHTML" });
});
