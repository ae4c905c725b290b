// Checkboxes of a list. Inside it: [data-select-row] boxes named `selected`, one [data-select-page] box, a [data-bulk-bar]
// (hidden while nothing is chosen) with [data-count], and if more rows match than the page shows a [data-select-all] button
// with a hidden input name="all_matching". Shift-click picks a range; a refresh of the rows keeps what is still there.
class BulkSelection extends HTMLElement {
  #last = null;
  #kept = new Set();

  connectedCallback() {
    this.addEventListener("click", (event) => this.#click(event));
    this.addEventListener("change", (event) => this.#change(event));
    this.addEventListener("htmx:beforeSwap", () => { this.#kept = new Set(this.#chosen.map((box) => box.value)); });
    this.addEventListener("htmx:afterSwap", () => this.#restore());
    this.#show();
  }

  get #rows() { return [...this.querySelectorAll("[data-select-row]")]; }
  get #chosen() { return this.#rows.filter((box) => box.checked); }
  get #all() { return this.querySelector("input[name=all_matching]"); }

  #click(event) {
    const box = event.target.closest("[data-select-row]");
    if (box && event.shiftKey && this.#last?.isConnected) this.#range(box);
    if (box) this.#last = box;
    if (event.target.closest("[data-select-all]")) this.#setAll(true);
    if (event.target.closest("[data-select-none]")) this.#clear();
    if (box) this.#show();
  }

  #range(box) {
    const rows = this.#rows;
    const [from, to] = [rows.indexOf(this.#last), rows.indexOf(box)].sort((a, b) => a - b);
    for (const row of rows.slice(from, to + 1)) row.checked = box.checked;
  }

  #change(event) {
    if (event.target.matches("[data-select-page]")) for (const row of this.#rows) row.checked = event.target.checked;
    if (event.target.matches("[data-select-page], [data-select-row]")) this.#setAll(false);
  }

  #setAll(all) {
    if (this.#all) this.#all.value = all ? "1" : "";
    this.#show();
  }

  #clear() {
    for (const row of this.#rows) row.checked = false;
    this.#setAll(false);
  }

  #restore() {
    for (const row of this.#rows) row.checked = this.#kept.has(row.value);
    this.#show();
  }

  #show() {
    const [rows, chosen] = [this.#rows, this.#chosen];
    const page = this.querySelector("[data-select-page]");
    if (page) [page.checked, page.indeterminate] = [chosen.length > 0 && chosen.length === rows.length, chosen.length > 0 && chosen.length < rows.length];
    const all = Boolean(this.#all?.value);
    const bar = this.querySelector("[data-bulk-bar]");
    if (bar) bar.hidden = !chosen.length;
    const count = this.querySelector("[data-count]");
    if (count) count.textContent = all ? `All ${count.dataset.total ?? ""} matching selected` : `${chosen.length} selected`;
    const offer = this.querySelector("[data-select-all]");
    if (offer) offer.hidden = all || chosen.length < rows.length;
  }
}

customElements.define("bulk-selection", BulkSelection);
