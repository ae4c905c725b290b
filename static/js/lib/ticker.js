// One timer for everything on the page that grows by the second; it rests while nothing listens or the tab is hidden.
const listeners = new Set();
let timer = null;

function beat() {
  if (document.hidden) return;
  const now = Date.now();
  for (const listener of listeners) listener(now);
}

export function onTick(listener) {
  listeners.add(listener);
  timer ??= setInterval(beat, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size) return;
    clearInterval(timer);
    timer = null;
  };
}

document.addEventListener("visibilitychange", beat);
