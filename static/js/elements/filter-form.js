// Half an expression is none: what must be whole waits until one leaves the field.
const TYPED = "[type=search], [type=text]:not([data-whole])";

// Wraps a GET form: a change of a control, or a pause in typing, submits it. The form's own hx-get does the rest.
class FilterForm extends HTMLElement {
  #timer;

  connectedCallback() {
    this.addEventListener("change", (event) => event.target.matches(TYPED) || this.#submit(0));
    this.addEventListener("input", (event) => event.target.matches(TYPED) && this.#submit(350));
    this.addEventListener("submit", () => clearTimeout(this.#timer));
    for (const button of this.querySelectorAll("[data-without-script]")) button.hidden = true;
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  #submit(afterMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.querySelector("form")?.requestSubmit(), afterMs);
  }
}

customElements.define("filter-form", FilterForm);

// Empty fields would only lengthen the address, unless they take away what the saved view says.
document.addEventListener("htmx:configRequest", ({ target, detail }) => {
  if (!target.closest("filter-form")) return;
  const meaningful = document.querySelector("#list input[name=view]")?.dataset.sets?.split(" ") ?? [];
  for (const [name, value] of Object.entries(detail.parameters)) {
    const given = [value].flat().filter(Boolean);
    if (given.length) detail.parameters[name] = given;
    else if (name === "view" || meaningful.includes(name)) detail.parameters[name] = "";
    else delete detail.parameters[name];
  }
});
