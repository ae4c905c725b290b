// Around a server-made <dialog open>: makes it modal as soon as it is there. Without script it stands in the page.
// [data-close] and Escape take the whole element away; the focus goes back to where it was.
class ModalDialog extends HTMLElement {
  connectedCallback() {
    const dialog = this.querySelector("dialog");
    const before = document.activeElement;
    // Not close(), which tells of itself later, when somebody listens.
    dialog.removeAttribute("open");
    dialog.addEventListener("close", () => { this.remove(); before?.focus?.(); }, { once: true });
    this.addEventListener("click", (event) => { if (event.target.closest("[data-close]")) dialog.close(); });
    dialog.showModal();
  }
}

customElements.define("modal-dialog", ModalDialog);
