import { autocompletion } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";

import { offerFrom } from "./editor-completion.js";
import { highlighting, look } from "./editor-theme.js";

const LANGUAGES = { json, yaml };
const languageOf = (name) => LANGUAGES[name]?.() ?? [];

const basics = [
  lineNumbers(),
  foldGutter({ openText: "▾", closedText: "▸" }),
  lintGutter(),
  history(),
  drawSelection(),
  indentOnInput(),
  indentUnit.of("  "),
  bracketMatching(),
  highlightActiveLine(),
  highlightActiveLineGutter(),
  highlightSelectionMatches(),
  search({ top: true }),
  EditorView.lineWrapping,
  syntaxHighlighting(highlighting),
  look,
];

// An editor in `root`. `onChange(text)` after each edit; `loadWords()` gives what may be completed, null for nothing. Tab
// indents; Escape then Tab leaves.
export function makeEditor({ root, text, language, label, readOnly, onChange, loadWords }) {
  const part = new Compartment();
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        basics,
        keymap.of([...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap, ...defaultKeymap, indentWithTab]),
        part.of(languageOf(language)),
        loadWords ? autocompletion({ override: [offerFrom(loadWords)], icons: false }) : [],
        EditorState.readOnly.of(readOnly),
        EditorView.contentAttributes.of({ "aria-label": label.trim(), tabindex: "0" }),
        EditorView.updateListener.of((update) => update.docChanged && onChange(update.state.doc.toString())),
      ],
    }),
  });
  view.language = language;
  view.setLanguage = (name) => {
    view.language = name;
    view.dispatch({ effects: part.reconfigure(languageOf(name)) });
  };
  return view;
}

// Another text in place of the one there is.
export function showText(view, text) {
  const { doc } = view.state;
  if (doc.toString() !== text) view.dispatch({ changes: { from: 0, to: doc.length, insert: text } });
}

export function showProblems(view, errors) {
  const { doc } = view.state;
  const marks = errors.filter(({ line }) => line >= 1 && line <= doc.lines).map(({ line, field, message }) => {
    const { from, to, text } = doc.line(line);
    const indent = text.length - text.trimStart().length;
    return { from: Math.min(from + indent, to), to, severity: "error", message: field ? `${field}: ${message}` : message };
  });
  marks.sort((one, other) => one.from - other.from);
  view.dispatch(setDiagnostics(view.state, marks));
}

export function goToLine(view, line) {
  if (line >= 1 && line <= view.state.doc.lines) {
    view.dispatch({ selection: { anchor: view.state.doc.line(line).from }, effects: EditorView.scrollIntoView(view.state.doc.line(line).from, { y: "center" }) });
  }
  view.focus();
}
