import { csrfToken } from "../lib/cookies.js";
import { element } from "../lib/dom.js";
import { makeEditor, showProblems, goToLine, showText } from "../lib/editor-view.js";

const PAUSE_MS = 500;
const UNCHECKED = {
  401: "you are signed out",
  403: "this page is too old, or your role has changed; reload it",
  413: "the text is too long",
  429: "too many checks in a short time",
};

// Wraps a <textarea>: the editor writes back into it, so the form posts as ever and works without script.
// Attributes: language (json, yaml); data-errors ([{line, message, field}]); data-validate-url (POST text, answers
// {"errors": [{field, message, line}]}); data-words-url (answers what lib/editor-completion.js offers). The editor lives in a shadow root, so that its styles come as adopted sheets,
// which a strict CSP allows.
class CodeEditor extends HTMLElement {
  #view;
  #timer;
  #latest = 0;
  #words;
  #problems = element("ul", { class: "code-editor__problems" });
  #status = element("div", { class: "code-editor__status", role: "status" });

  connectedCallback() {
    const area = this.querySelector("textarea");
    if (!area || this.#view) return;
    const host = element("div", { class: "code-editor__host" });
    area.after(host, this.#status, this.#problems);
    this.#view = makeEditor({
      root: host.attachShadow({ mode: "open", delegatesFocus: true }),
      text: area.value,
      language: this.getAttribute("language"),
      label: area.labels?.[0]?.textContent.trim() ?? this.getAttribute("label") ?? "Code",
      readOnly: area.readOnly || area.disabled,
      onChange: (text) => this.#changed(area, text),
      loadWords: this.dataset.wordsUrl && (() => this.#loadWords()),
    });
    area.tabIndex = -1;
    area.setAttribute("aria-hidden", "true");
    area.required = false;
    area.addEventListener("filled", () => showText(this.#view, area.value));
    this.dataset.ready = "";
    this.#show(JSON.parse(this.dataset.errors || "[]"));
    for (const name of ["change", "filled"]) this.#follow(name);
    this.closest("form")?.addEventListener("click", this.#jump);
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#view?.destroy();
  }

  // Once, when they are first needed; without them nothing is offered.
  #loadWords() {
    this.#words ??= fetch(this.dataset.wordsUrl, { headers: { Accept: "application/json" } })
      .then((response) => (response.ok ? response.json() : null))
      .catch(() => null);
    return this.#words;
  }

  // A button[data-go-to-line] in the same form leads to a line.
  #jump = ({ target }) => {
    const line = target.closest("[data-go-to-line]")?.dataset.goToLine;
    if (line) goToLine(this.#view, Number(line));
  };

  // A select[data-editor-language] in the same form switches the language.
  #follow(name) {
    const select = this.closest("form")?.querySelector("select[data-editor-language]");
    select?.addEventListener(name, () => this.#view.setLanguage(select.value));
  }

  #changed(area, text) {
    area.value = text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
    if (!this.dataset.validateUrl) return;
    // What was found out is about the text before, and so is what is being found out.
    this.#latest += 1;
    this.#status.textContent = "";
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#validate(text), PAUSE_MS);
  }

  async #validate(text) {
    const turn = this.#latest;
    const body = new URLSearchParams({ text, language: this.#view.language });
    const found = await this.#check(body).catch(() => ({ why: "the server cannot be reached" }));
    if (turn !== this.#latest) return;
    if (found.why) this.#status.textContent = `Could not check: ${found.why}.`;
    else this.#show(found.errors, "No problems");
  }

  // {errors}, or {why} not.
  async #check(body) {
    const headers = { "X-CSRFToken": csrfToken(), Accept: "application/json" };
    const response = await fetch(this.dataset.validateUrl, { method: "POST", body, headers });
    if (!response.ok) return { why: UNCHECKED[response.status] ?? `the server could not answer (${response.status})` };
    const { errors } = await response.json();
    return Array.isArray(errors) ? { errors } : { why: "the server did not say" };
  }

  #show(errors, otherwise = "") {
    showProblems(this.#view, errors);
    this.#status.textContent = errors.length ? `${errors.length} ${errors.length === 1 ? "problem" : "problems"}` : otherwise;
    this.#problems.replaceChildren(...errors.map((error) => element("li", {}, this.#problem(error))));
  }

  #problem({ line, field, message }) {
    const place = [line && `Line ${line}`, field].filter(Boolean).join(", ");
    const button = element("button", { type: "button" }, place ? `${place}: ${message}` : message);
    button.addEventListener("click", () => goToLine(this.#view, line));
    return button;
  }
}

customElements.define("code-editor", CodeEditor);
