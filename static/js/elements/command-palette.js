import { element } from "../lib/dom.js";
import { isAlone, isCommand } from "../lib/keys.js";
import { asOptions, pageButtons } from "../lib/page-buttons.js";

// The link inside leads to the search; here it opens over the page, by a click or Ctrl-K (Cmd-K). What is listed comes
// from the same address, together with the buttons of this page. Arrows choose, Enter goes, Escape closes.
const WAIT_MS = 120;

class CommandPalette extends HTMLElement {
  connectedCallback() {
    this.querySelector("a").addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open(this.querySelector("a").href);
    });
  }
}

let dialog = null;

function open(url) {
  if (dialog) return;
  const list = element("div", { class: "palette__list", role: "listbox", id: "palette-list", "aria-label": "Found" });
  const input = element("input", { class: "palette__input", type: "text", role: "combobox", placeholder: "Search or jump to…", "aria-label": "Search pages, actions and objects", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", maxlength: "100" });
  const note = element("p", { class: "palette__note", role: "status" });
  dialog = element("dialog", { class: "dialog dialog--wide palette", "aria-label": "Command palette" }, input, list, note);
  document.body.append(dialog);
  const search = new Search(url, input, list, note);
  input.addEventListener("input", () => search.later());
  input.addEventListener("keydown", (event) => search.key(event));
  list.addEventListener("click", (event) => search.clicked(event));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { search.stop(); dialog.remove(); dialog = null; });
  dialog.showModal();
  input.focus();
  search.now();
}

class Search {
  #timer = 0;
  #asked = null;
  #buttons = [];

  constructor(url, input, list, note) {
    Object.assign(this, { url, input, list, note });
    this.#buttons = pageButtons();
  }

  get options() { return [...this.list.querySelectorAll("[role=option]")]; }
  get chosen() { return this.list.querySelector("[aria-selected=true]"); }

  later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.now(), WAIT_MS);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#asked?.abort();
  }

  async now() {
    this.#asked?.abort();
    const { signal } = (this.#asked = new AbortController());
    try {
      const answer = await fetch(`${this.url}?q=${encodeURIComponent(this.input.value)}`, { headers: { "HX-Request": "true" }, signal });
      if (!answer.ok) throw new Error(String(answer.status));
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("palette-found");
      this.show(found);
    } catch (error) {
      if (error.name !== "AbortError") this.note.textContent = "The search does not answer. Try again.";
    }
  }

  show(found) {
    const here = asOptions(this.#buttons, this.input.value.trim().toLowerCase());
    this.list.replaceChildren(...(here ? [here] : []), ...(found ? found.children : []));
    for (const [index, option] of this.options.entries()) option.id = `palette-option-${index}`;
    this.choose(this.options[0]);
    this.note.textContent = this.options.length ? `${this.options.length} found. Arrows choose, Enter goes, Escape closes.` : "Nothing found.";
  }

  choose(option) {
    this.chosen?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (!isAlone(event)) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const { options } = this;
    if (step && options.length) {
      event.preventDefault();
      this.choose(options[(options.indexOf(this.chosen) + step + options.length) % options.length]);
    } else if (event.key === "Enter" && this.chosen) {
      event.preventDefault();
      this.go(this.chosen);
    }
  }

  clicked(event) {
    const option = event.target.closest("[role=option]");
    if (option?.act) this.go(option);
  }

  go(option) {
    const { act } = option;
    if (!act) { option.click(); return; }
    dialog.close();
    act();
  }
}

customElements.define("command-palette", CommandPalette);

document.addEventListener("keydown", (event) => {
  if (!isCommand(event, "k")) return;
  const link = document.querySelector("command-palette a");
  if (!link || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  open(link.href);
});
