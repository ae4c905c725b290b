// Marks the row of the step that the panel beside the timeline shows, whichever of the two came in last.
function mark() {
  const panel = document.getElementById("step-panel");
  if (!panel) return;
  const chosen = document.getElementById(`step-${panel.dataset.step}`);
  for (const row of document.querySelectorAll(".timeline__row[aria-current]")) if (row !== chosen) row.removeAttribute("aria-current");
  chosen?.setAttribute("aria-current", "true");
}

document.addEventListener("htmx:afterSettle", mark);
