// The frame of a list's table. `data-fits` is on while all columns have room: then nothing scrolls in it, and the head may
// stick to the window. Without a script the frame scrolls when it must.
// A click on a row that has a cell of the class `links-row` is a click on the link in that cell, with the same keys held
// (another tab, another window), unless it was on something to press, or the end of selecting text.
class ListFrame extends HTMLElement {
  #sizes = new ResizeObserver(() => this.toggleAttribute("data-fits", this.scrollWidth <= this.clientWidth));

  connectedCallback() {
    this.#sizes.observe(this);
    for (const part of this.children) this.#sizes.observe(part);
    this.addEventListener("click", this.#follow);
    this.addEventListener("auxclick", this.#follow);
  }

  disconnectedCallback() {
    this.#sizes.disconnect();
    this.removeEventListener("click", this.#follow);
    this.removeEventListener("auxclick", this.#follow);
  }

  #follow = (event) => {
    const { target, button, ctrlKey, metaKey, shiftKey } = event;
    const link = target.closest("tbody tr")?.querySelector(".links-row a");
    if (!link || button > 1 || target.closest("a, button, input, label, select, summary, .cell-check")) return;
    if (getSelection().toString()) return;
    const inNewTab = ctrlKey || (button === 1 && !metaKey);
    link.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey: inNewTab, metaKey, shiftKey }));
  };
}

customElements.define("list-frame", ListFrame);
