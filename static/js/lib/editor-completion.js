// What may stand at the cursor of a specification. The server says what there is (workflows/completion.py):
// {uses: [{label, detail, info}], keys: {"": [], step: [], retry: [], KIND: []}, values: {KEY: []}}.
const VALUE = /(?:^|[\s{,"'-])(\w+)["']?\s*:\s*["']?([\w:.-]*)$/;
const NEW_KEY = /^\s*(?:- +)?([a-z_]*)$/;
const USES = /(?:^|[\s{,"'-])uses["']?\s*:\s*["']?(\w+)/;

const keyColumn = (line) => line.match(/^\s*(?:- +)?/)[0].length;
const begins = (line, key) => line.slice(keyColumn(line)).startsWith(`${key}:`);

// A source for CodeMirror. `loadWords()` gives a promise of the words, or of null.
export function offerFrom(loadWords) {
  return async ({ state, pos, explicit }) => {
    const line = state.doc.lineAt(pos);
    const before = line.text.slice(0, pos - line.from);
    if (!explicit && !VALUE.test(before) && !/[a-z_]$/.test(before)) return null;
    const words = await loadWords();
    const found = words && (valuesAt(words, before) ?? keysAt(words, before, linesAround(state.doc, line.number)));
    if (!found?.options.length || found.options.some(({ label }) => label === found.typed)) return null;
    return { from: pos - found.typed.length, options: found.options };
  };
}

function linesAround(doc, number) {
  const lines = doc.toString().split("\n");
  return { above: lines.slice(0, number - 1), below: lines.slice(number) };
}

function valuesAt(words, before) {
  const [, key, typed] = before.match(VALUE) ?? [];
  if (key === "uses") return { typed, options: words.uses };
  return key in words.values ? { typed, options: words.values[key].map((label) => ({ label })) } : null;
}

function keysAt(words, before, { above, below }) {
  const [, typed] = before.match(NEW_KEY) ?? [];
  if (typed === undefined) return null;
  const keys = words.keys[holderOf(keyColumn(before), above, below)] ?? [];
  return { typed, options: keys.map((label) => ({ label, apply: `${label}: ` })) };
}

// "" for the whole, "step", "retry", or the kind whose `with` it is; null where nothing is known of the keys.
function holderOf(column, above, below) {
  if (column === 0) return "";
  const at = above.findLastIndex((line) => line.trim() && keyColumn(line) < column);
  if (at < 0) return null;
  if (begins(above[at], "steps")) return "step";
  if (begins(above[at], "retry")) return "retry";
  return begins(above[at], "with") ? kindBeside(keyColumn(above[at]), above, at, below) : null;
}

// What the step uses whose `with` stands in line `at`.
function kindBeside(column, above, at, below) {
  const start = above.slice(0, at + 1).findLastIndex((line) => line.trim().startsWith("- ") && keyColumn(line) === column);
  const rest = [...above.slice(at + 1), ...below];
  const end = rest.findIndex((line) => line.trim() && (keyColumn(line) < column || line.slice(0, column).includes("-")));
  const step = [...above.slice(Math.max(start, 0), at + 1), ...(end < 0 ? rest : rest.slice(0, end))];
  return step.filter((line) => keyColumn(line) === column).map((line) => line.match(USES)?.[1]).find(Boolean) ?? null;
}
