import { element, icon } from "../lib/dom.js";

// Copies its `text`, or the <pre> of the block it stands in.
class CopyButton extends HTMLElement {
  connectedCallback() {
    const label = this.getAttribute("label") ?? "Copy";
    const button = element("button", { type: "button", class: "copy-button", "aria-label": label, title: label }, icon("copy", "sm"));
    button.addEventListener("click", () => this.#copy(button));
    this.replaceChildren(button);
  }

  async #copy(button) {
    const source = this.closest(".code-block")?.querySelector("[data-copy-source], pre");
    const text = this.getAttribute("text") ?? source?.dataset.copyText ?? source?.textContent ?? "";
    await this.#write(text);
    button.dataset.done = "";
    button.replaceChildren(icon("check", "sm"));
    setTimeout(() => { delete button.dataset.done; button.replaceChildren(icon("copy", "sm")); }, 1500);
  }

  // The clipboard API exists only on HTTPS and localhost; a portal inside a network often has neither.
  async #write(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = element("textarea", { readonly: "", "aria-hidden": "true" });
    area.value = text;
    this.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

customElements.define("copy-button", CopyButton);
