const SVG = "http://www.w3.org/2000/svg";

// The same markup as the {% icon %} tag.
export function icon(name, size = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", size ? `icon icon--${size}` : "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${document.body.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

// element("button", {type: "button", class: "btn"}, "text", child)
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

let isReady = document.readyState === "complete";
document.addEventListener("DOMContentLoaded", () => (isReady = true), { once: true });

// Once the page is parsed and HTMX listens in it; at once when it does already.
export function whenReady(act) {
  if (isReady) act();
  else document.addEventListener("DOMContentLoaded", act, { once: true });
}
