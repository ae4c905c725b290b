import { create, get, reason, supported } from "../lib/passkeys.js";
import { toast } from "../lib/toast.js";

// Around a form with a hidden field `credential`, shown only where there are passkeys. Attributes: verb (create or get)
// for the server's challenge options (id of a JSON script) or options-url and, if wanted, instead (id of what is shown
// where there are none).
class PasskeyForm extends HTMLElement {
  connectedCallback() {
    if (!supported()) return document.getElementById(this.getAttribute("instead"))?.removeAttribute("hidden");
    this.hidden = false;
    this.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#use(event.target).catch((error) => toast(reason(error), "danger"));
    });
  }

  async #use(form) {
    const options = await this.#options();
    const alone = form.elements.passwordless?.checked ?? false;
    const credential = this.getAttribute("verb") === "create" ? await create(options, { alone }) : await get(options);
    form.elements.credential.value = JSON.stringify(credential);
    form.submit();
  }

  async #options() {
    const url = this.getAttribute("options-url");
    if (!url) return JSON.parse(document.getElementById(this.getAttribute("options")).textContent);
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.status === 429 ? "too many tries, wait a minute." : `the server said ${answer.status}.`);
    return answer.json();
  }
}

customElements.define("passkey-form", PasskeyForm);
