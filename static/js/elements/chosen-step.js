// Beside the timeline stands one step. Its row is marked, whichever of the two was fetched last; where the panel
// stands below the rows instead of beside them, choosing a row leads there.
const STACKED = matchMedia("(max-width: 1199.98px)");

function mark(panel) {
  const chosen = document.getElementById(`step-${panel.dataset.step}`);
  for (const row of document.querySelectorAll(".timeline__row[aria-current]")) if (row !== chosen) row.removeAttribute("aria-current");
  chosen?.setAttribute("aria-current", "true");
}

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const panel = document.getElementById("step-panel");
  if (!panel) return;
  mark(panel);
  if (STACKED.matches && detail.requestConfig?.elt.matches(".timeline__row")) panel.scrollIntoView({ block: "start" });
});
