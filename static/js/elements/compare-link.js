// A link to the comparison that takes along what is selected in the list: with two to four rows it says so, and leads
// straight to them, the oldest first. Otherwise it leads to the page that asks which.
class CompareLink extends HTMLElement {
  #stop = null;

  connectedCallback() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.base ??= this.#link.getAttribute("href");
    for (const name of ["change", "click", "htmx:afterSettle"]) document.addEventListener(name, () => this.#show(), { signal });
    this.#show();
  }

  disconnectedCallback() { this.#stop?.abort(); }

  get #link() { return this.querySelector("a"); }

  #show() {
    const ids = [...document.querySelectorAll("[data-select-row]:checked")].map((box) => Number(box.value)).sort((a, b) => a - b);
    const few = ids.length >= 2 && ids.length <= 4;
    this.#link.setAttribute("href", few ? `${this.base}?ids=${ids.join(",")}` : this.base);
    this.#link.textContent = few ? `Compare ${ids.length} runs` : "Compare";
  }
}

customElements.define("compare-link", CompareLink);
