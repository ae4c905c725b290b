import { dress, toast } from "../lib/toast.js";

// Messages above the page: the server's own, HX-Trigger toasts, and requests of HTMX that failed.
class ToastStack extends HTMLElement {
  #leave = new AbortController();

  connectedCallback() {
    for (const item of this.children) dress(item, item.classList.contains("tone-danger") ? 0 : 8000);
    const on = (name, listener) => document.body.addEventListener(name, listener, { signal: this.#leave.signal });
    // One that can be tried again comes with its request: #refused shows it.
    on("toast", ({ detail }) => detail.retry || toast(detail.message, detail.tone, { link: detail.url && detail }));
    on("htmx:responseError", (event) => this.#refused(event.detail));
    on("htmx:sendError", (event) => this.#failed(event.detail, "The server cannot be reached."));
    on("htmx:timeout", (event) => this.#failed(event.detail, "The server takes too long to answer."));
    on("htmx:beforeSwap", (event) => this.#wholePage(event.detail));
  }

  disconnectedCallback() {
    this.#leave.abort();
  }

  #refused({ xhr, requestConfig }) {
    const said = saidBy(xhr);
    if (said && !said.retry) return;
    if (said || xhr.status >= 500) this.#failed({ requestConfig }, said?.message ?? `The server could not answer (${xhr.status}).`, said);
    else toast(`The request was refused (${xhr.status}).`, "danger");
  }

  // A background refresh is silent: it asks again by itself, and the live state tells. What a person started can be retried,
  // also when they have signed in again meanwhile, in a tab of its own: this page keeps what was typed.
  #failed({ requestConfig }, message, { tone = "danger", url = "", label = "" } = {}) {
    if (requestConfig.triggeringEvent?.type === "live") return;
    for (const old of this.querySelectorAll("[data-network]")) old.remove();
    toast(message, tone, { retry: () => askAgain(requestConfig), link: url && { url, label, elsewhere: true } });
    this.lastElementChild?.setAttribute("data-network", "");
  }

  // A whole page where a part belongs would leave a page within the page.
  #wholePage(detail) {
    const { xhr, requestConfig } = detail;
    const chosen = detail.selectOverride || requestConfig.elt.closest("[hx-select]");
    if (!detail.shouldSwap || chosen || detail.boosted || !/^\s*<!doctype/i.test(xhr.response)) return;
    detail.shouldSwap = false;
    toast("This leads to another page.", "warning", { link: { url: xhr.responseURL, label: "Open it" } });
  }
}

// The toast in an answer's HX-Trigger, or undefined.
function saidBy(xhr) {
  const header = xhr.getResponseHeader("HX-Trigger") ?? "";
  return header.startsWith("{") ? JSON.parse(header).toast : undefined;
}

function askAgain({ verb, path, elt, target, parameters }) {
  const [source, place] = [elt, target].map(inPage);
  if (source && place) htmx.ajax(verb.toUpperCase(), path, { source, target: place, values: parameters });
  else location.reload();
}

// A refresh may have put a new element in its place.
function inPage(part) {
  return part.isConnected ? part : part.id && document.getElementById(part.id);
}

customElements.define("toast-stack", ToastStack);
