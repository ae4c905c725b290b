// The frame of a list's table. `data-fits` is on while all columns have room: then nothing scrolls in it, and the head may
// stick to the window. Without a script the frame scrolls when it must.
class ListFrame extends HTMLElement {
  #sizes = new ResizeObserver(() => this.toggleAttribute("data-fits", this.scrollWidth <= this.clientWidth));

  connectedCallback() {
    this.#sizes.observe(this);
    for (const part of this.children) this.#sizes.observe(part);
  }

  disconnectedCallback() {
    this.#sizes.disconnect();
  }
}

customElements.define("list-frame", ListFrame);
