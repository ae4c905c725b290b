// The period of a list, inside a <filter-form>: a preset or a day of the calendar is written into the two text fields,
// which are the form's. Without script the presets are links and the calendars stay hidden.
class DateRange extends HTMLElement {
  connectedCallback() {
    for (const calendar of this.#calendars) calendar.hidden = false;
    this.addEventListener("click", (event) => this.#preset(event));
    this.addEventListener("change", (event) => this.#change(event));
  }

  get #calendars() {
    return this.querySelectorAll("[data-calendar]");
  }

  get #ends() {
    return [...this.querySelectorAll("input[type=text]")];
  }

  #preset(event) {
    const preset = event.target.closest("a[data-since]");
    if (!preset || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const [since, until] = this.#ends;
    [since.value, until.value] = [preset.dataset.since, preset.dataset.until];
    this.#show();
    this.querySelector("details").open = false;
    this.querySelector("summary").focus();
    this.dispatchEvent(new Event("change", { bubbles: true }));
  }

  #change({ target }) {
    if (target.matches("[data-calendar]")) target.closest(".field").querySelector("input[type=text]").value = target.value;
    this.#show();
  }

  #show() {
    const [since, until] = this.#ends.map((end) => end.value.trim());
    const isChosen = (preset) => (since || until) && preset.dataset.since === since && preset.dataset.until === until;
    let shown = since && until ? `${since} – ${until}` : since || (until && `until ${until}`);
    for (const preset of this.querySelectorAll("a[data-since]")) {
      if (isChosen(preset)) preset.setAttribute("aria-current", "true");
      else preset.removeAttribute("aria-current");
      if (isChosen(preset)) shown = preset.textContent;
    }
    const label = this.querySelector("[data-label]");
    label.textContent = shown ? `${label.dataset.label}: ${shown}` : label.dataset.label;
  }
}

customElements.define("date-range", DateRange);
