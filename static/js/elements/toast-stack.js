import { dress, toast } from "../lib/toast.js";

// Messages in the corner: the server's own, HX-Trigger toasts, and requests of HTMX that failed.
class ToastStack extends HTMLElement {
  #leave = new AbortController();

  connectedCallback() {
    for (const item of this.children) dress(item, item.classList.contains("tone-danger") ? 0 : 8000);
    const on = (name, listener) => document.body.addEventListener(name, listener, { signal: this.#leave.signal });
    on("toast", (event) => toast(event.detail.message, event.detail.tone));
    on("htmx:responseError", (event) => this.#refused(event.detail));
    on("htmx:sendError", (event) => this.#failed(event.detail, "The server cannot be reached."));
    on("htmx:timeout", (event) => this.#failed(event.detail, "The server takes too long to answer."));
  }

  disconnectedCallback() {
    this.#leave.abort();
  }

  #refused({ xhr, requestConfig }) {
    if (xhr.getResponseHeader("HX-Trigger")?.includes('"toast"')) return;
    if (xhr.status < 500) toast(`The request was refused (${xhr.status}).`, "danger");
    else this.#failed({ requestConfig }, `The server could not answer (${xhr.status}).`);
  }

  // A background refresh says so once; it will ask again by itself. What a person started can be retried here.
  #failed({ requestConfig }, message) {
    const { verb, path, elt, target, parameters, triggeringEvent } = requestConfig;
    if (triggeringEvent?.type === "live" || document.querySelector("toast-stack [data-network]")) return;
    toast(message, "danger", () => htmx.ajax(verb.toUpperCase(), path, { source: elt, target, values: parameters }));
    this.lastElementChild?.setAttribute("data-network", "");
  }
}

customElements.define("toast-stack", ToastStack);
