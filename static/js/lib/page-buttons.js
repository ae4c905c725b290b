import { element } from "./dom.js";

const HERE = ".page-header a.btn, .page-header button, .button-row a.btn, .button-row button";

// The buttons of this page that can be seen and have words.
export function pageButtons() {
  return [...document.querySelectorAll(HERE)].filter((one) => one.checkVisibility() && one.textContent.trim());
}

// Those whose words hold `text`, as a group of options that `act` like a click; null for none.
export function asOptions(buttons, text) {
  const matching = buttons.filter((one) => one.isConnected && one.textContent.toLowerCase().includes(text));
  if (!matching.length) return null;
  const options = matching.map((one) => {
    const option = element("div", { class: "palette__option", role: "option", "aria-selected": "false" }, one.textContent.trim());
    option.act = () => one.click();
    return option;
  });
  const title = element("p", { class: "palette__title", "aria-hidden": "true" }, "On this page");
  return element("div", { role: "group", "aria-label": "On this page" }, title, ...options);
}
