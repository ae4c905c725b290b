"""What every template keeps to, so that the content security policy can stay strict and partials can be swapped."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from django.template.loader import get_template

from controlplane.portal.registry import looks
from tests.ui.templates import FOLDER, PARTIALS, ROOT, TEMPLATES, markup, name_of, roots

FORBIDDEN = {
    "a script with code": re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", re.I),
    "a style element": re.compile(r"<style\b", re.I),
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "an event attribute": re.compile(r"<[^>]*\s(?:hx-)?on[a-z:-]+\s*=", re.I),
    "a javascript address": re.compile(r"javascript:", re.I),
    "an address of another host": re.compile(r"<(?:script|link|img)[^>]*(?:src|href)=\"(?:https?:)?//", re.I),
}
ICONS = json.loads((ROOT / "static/icons.json").read_text())
READ_BY_PEOPLE = sorted([*FOLDER.rglob("*.*"), *(ROOT / "static/css").rglob("*.css")])
every_template = pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
every_partial = pytest.mark.parametrize("path", PARTIALS or [FOLDER / "base.html"], ids=name_of)


@every_template
def test_it_compiles(path: Path) -> None:
    assert get_template(name_of(path)).template.nodelist is not None


@every_template
def test_it_holds_no_inline_code_or_style(path: Path) -> None:
    text = markup(path)
    assert [what for what, pattern in FORBIDDEN.items() if pattern.search(text)] == []


@every_template
def test_it_leaves_escaping_on(path: Path) -> None:
    assert not re.search(r"\|\s*safe\b|autoescape\s+off|\|\s*safeseq\b", path.read_text())


@every_template
def test_it_stays_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 60


@pytest.mark.parametrize("path", READ_BY_PEOPLE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_line_is_too_long_to_read(path: Path) -> None:
    """120 characters are the aim; what cannot be broken there, such as a tag with a sentence in it, has 160."""
    lines = re.sub(r"url\(\"?data:[^)]*\)", "url(data:)", path.read_text()).splitlines()
    assert [f"{number}: {line[:60]}…" for number, line in enumerate(lines, 1) if len(line) > 160] == []


@every_template
def test_it_uses_only_icons_that_are_in_the_sprite(path: Path) -> None:
    used = set(re.findall(r"""\{%\s*icon\s+["']([^"']+)["']""", path.read_text()))
    used |= set(re.findall(r"""\bicon=["']([^"']+)["']""", path.read_text()))
    assert used - set(ICONS) == set()


@every_partial
def test_a_partial_names_its_context_and_has_one_root_to_swap(path: Path) -> None:
    if not path.name.startswith("_"):
        pytest.skip("there is no partial yet")
    assert path.read_text().startswith("{# context:")
    found = roots(path)
    assert len(found) == 1
    assert "id" in found[0]


def test_every_look_of_a_state_has_its_icon() -> None:
    assert {look.icon for look in looks.values()} - set(ICONS) == set()


def test_every_action_has_its_icon() -> None:
    assert {icon for path in ROOT.rglob("actions.py") if ".venv" not in path.parts for icon in declared_icons(path)} - {
        "",
        *ICONS,
    } == set()


def declared_icons(path: Path) -> list[str]:
    """The `icon=` of each @action in a file."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    actions = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "action"]
    words = [keyword for call in actions for keyword in call.keywords if keyword.arg == "icon"]
    return [word.value.value for word in words if isinstance(word.value, ast.Constant)]
