"""The templates of the repository as text, and how their HTML nests once the template language is taken out."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "templates"
TEMPLATES = sorted(FOLDER.rglob("*.html"))
PARTIALS = [path for path in TEMPLATES if path.name.startswith("_")]
NEVER_CLOSED = {"area", "br", "col", "hr", "img", "input", "link", "meta", "rect", "use", "line", "path"}


def name_of(path: Path) -> str:
    return path.relative_to(FOLDER).as_posix()


def markup(path: Path) -> str:
    """The HTML without comments and tags of the template language; `{{ … }}` becomes one word."""
    text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.S)
    text = re.sub(r"\{%\s*comment.*?endcomment\s*%\}", "", text, flags=re.S)
    text = re.sub(r"\{%.*?%\}", "", text, flags=re.S)
    return re.sub(r"\{\{.*?\}\}", "value", text, flags=re.S)


class Roots(HTMLParser):
    """Collects the attributes of the elements that stand at the top."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.depth == 0:
            self.found.append(dict(attrs))
        if tag not in NEVER_CLOSED:
            self.depth += 1

    def handle_endtag(self, tag: str) -> None:
        if tag not in NEVER_CLOSED:
            self.depth -= 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.depth == 0:
            self.found.append(dict(attrs))


def roots(path: Path) -> list[dict[str, str | None]]:
    parser = Roots()
    parser.feed(markup(path))
    return parser.found
