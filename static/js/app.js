// What every page may use. One custom element per behaviour: they start and stop themselves when HTMX swaps.
import "./elements/relative-time.js";
import "./elements/live-duration.js";
import "./elements/copy-button.js";
import "./elements/confirm-dialog.js";
import "./elements/toast-stack.js";
import "./elements/drop-menu.js";
import "./elements/theme-switch.js";
import "./elements/bulk-selection.js";
import "./elements/modal-dialog.js";
import "./elements/filter-form.js";
import "./elements/date-range.js";
import "./elements/live-events.js";
import "./elements/log-tail.js";
import "./elements/json-view.js";
import "./elements/time-axis.js";
import "./elements/chosen-step.js";
import "./elements/compare-link.js";
