// Whose key press is it? One rule for every shortcut there is.
const WRITES_NOTHING = ["button", "checkbox", "color", "file", "image", "radio", "range", "reset", "submit"];
const MAC = /mac|iphone|ipad/i.test(navigator.userAgentData?.platform ?? navigator.platform);

// Where the key was pressed: outside of a shadow root `event.target` is only its host.
function pressedAt(event) {
  return event.composedPath()[0];
}

// Whether one can type there: what is pressed is text, or chooses in a list, and no shortcut.
export function takesText(place) {
  if (!(place instanceof Element)) return false;
  if (place.matches("input")) return !WRITES_NOTHING.includes(place.type);
  return place.matches("textarea, select") || place.isContentEditable;
}

// An input method composes a character of several key presses: Enter and Escape are then its own, too.
function composes(event) {
  return event.isComposing || event.keyCode === 229;
}

export function isTyping(event) {
  return composes(event) || takesText(pressedAt(event));
}

// A key alone, which nobody has used yet. Shift is part of what it writes. Browsers that fill in a form fire it without a key.
export function isAlone(event) {
  return Boolean(event.key) && !event.defaultPrevented && !composes(event) && !event.ctrlKey && !event.metaKey && !event.altKey;
}

// Ctrl and a letter, or Cmd. On a Mac Ctrl moves in a text: there it is a shortcut outside of texts only.
export function isCommand(event, letter) {
  if (event.key?.toLowerCase() !== letter || event.defaultPrevented || composes(event) || event.altKey || event.shiftKey) return false;
  return event.metaKey || (event.ctrlKey && !(MAC && isTyping(event)));
}
