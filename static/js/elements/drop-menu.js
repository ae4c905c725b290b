import { isAlone, isTyping } from "../lib/keys.js";

// Wraps a <details>: Escape, a click elsewhere, a choice or leaving with Tab closes it. Arrow keys walk the entries.
class DropMenu extends HTMLElement {
  #leave;

  connectedCallback() {
    this.#leave = new AbortController();
    const options = { signal: this.#leave.signal };
    document.addEventListener("click", (event) => this.contains(event.target) || this.#close(), options);
    this.addEventListener("click", (event) => event.target.closest("a[href]") && this.#close(), options);
    this.addEventListener("keydown", (event) => this.#key(event), options);
    this.addEventListener("focusout", (event) => event.relatedTarget && !this.contains(event.relatedTarget) && this.#close(), options);
  }

  disconnectedCallback() {
    this.#leave.abort();
  }

  get #details() {
    return this.querySelector("details");
  }

  #close() {
    if (this.#details?.open) this.#details.open = false;
  }

  #key(event) {
    if (!isAlone(event) || !this.#details.open) return;
    if (event.key === "Escape") {
      // Used: it lets go of no selection behind the menu.
      event.preventDefault();
      this.#close();
      this.querySelector("summary").focus();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || isTyping(event) || event.target.matches("input")) return;
    const entries = [...this.querySelectorAll(":scope details a, :scope details button")];
    const next = (entries.indexOf(document.activeElement) + step + entries.length) % entries.length;
    entries[next]?.focus();
    event.preventDefault();
  }
}

customElements.define("drop-menu", DropMenu);
