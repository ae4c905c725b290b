const ONE_YEAR_SECONDS = 365 * 24 * 3600;

// Light, dark or as the system: at once, and remembered in the cookie that the server reads. Without script a plain post.
class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    this.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#choose(event.submitter.value);
    });
  }

  #choose(theme) {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${theme}; path=/; max-age=${ONE_YEAR_SECONDS}; samesite=lax${secure}`;
    document.documentElement.dataset.bsTheme = theme;
    for (const button of document.querySelectorAll("theme-switch button")) {
      button.setAttribute("aria-pressed", String(button.value === theme));
    }
    document.dispatchEvent(new CustomEvent("theme"));
  }
}

customElements.define("theme-switch", ThemeSwitch);
