// What stands in a form: {name: [values]}, in the order of its controls.
const PRIVATE_WORDS = ["password", "password1", "password2", "secret", "token", "credential", "csrfmiddlewaretoken"];
const NEVER_TYPED = ["button", "file", "image", "reset", "submit"];

// A password, a secret or a token, which is kept nowhere.
function isPrivate(control) {
  const words = control.name.toLowerCase().split(/[^a-z0-9]+/);
  return control.type === "password" || control.dataset.private !== undefined || words.some((word) => PRIVATE_WORDS.includes(word));
}

function controls(form, wanted) {
  return [...form.elements].filter((one) => one.name && one.matches("input, select, textarea") && !NEVER_TYPED.includes(one.type) && wanted(one));
}

const isTyped = (control) => control.type !== "hidden" && !control.disabled;
const mayBeKept = (control) => !isPrivate(control);

function chosen(select, first) {
  const options = [...select.options].filter((one) => (first ? one.defaultSelected : one.selected));
  if (!options.length && first && !select.multiple) options.push(...[...select.options].filter((one) => !one.disabled).slice(0, 1));
  return options.map((one) => one.value);
}

function valueOf(control, first) {
  if (["checkbox", "radio"].includes(control.type)) return (first ? control.defaultChecked : control.checked) ? [control.value] : [];
  if (control.matches("select")) return chosen(control, first);
  return [first ? control.defaultValue : control.value];
}

function collect(form, wanted, first) {
  const values = {};
  for (const control of controls(form, wanted)) values[control.name] = [...(values[control.name] ?? []), ...valueOf(control, first)];
  return values;
}

// All that a person can change, as it is; and as the server wrote it.
export const typedValues = (form) => collect(form, isTyped, false);
export const firstValues = (form) => collect(form, isTyped, true);

// What may be kept for later. Hidden fields come along: what a text was begun from must not be newer than the text.
export const keptValues = (form) => collect(form, mayBeKept, false);

export function differ(some, others) {
  return JSON.stringify(some) !== JSON.stringify(others);
}

// Put kept values back. What shows a control in another way, such as a code editor, hears of it by `filled`.
export function fill(form, values) {
  const left = structuredClone(values);
  for (const control of controls(form, mayBeKept)) {
    const given = left[control.name];
    if (!given) continue;
    if (["checkbox", "radio"].includes(control.type)) control.checked = given.includes(control.value);
    else if (control.matches("select")) for (const option of control.options) option.selected = given.includes(option.value);
    else if (given.length) control.value = given.shift();
    control.dispatchEvent(new Event("filled"));
  }
}
