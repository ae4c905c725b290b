// Pages with a code editor only.
import "./elements/code-editor.js";
