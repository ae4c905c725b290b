"""The browser code's sources: pinned without addresses, legible in both themes, styles in their place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.ui.templates import ROOT

STATIC = ROOT / "static"
COMPONENTS = sorted((STATIC / "css").rglob("*.css"))
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
TOKENS = dict(re.findall(r"--([a-z-]+): light-dark\(([^;]+)\);", (STATIC / "css/tokens.css").read_text()))
TONES = ("neutral", "info", "success", "warning", "orange", "danger", "purple")
PAIRS = [
    *[
        (text, ground)
        for text in ("text", "text-muted", "text-faint")
        for ground in ("canvas", "surface", "surface-sunken")
    ],
    *[(text, "surface-hover") for text in ("text", "text-muted", "accent-text")],
    *[("accent-text", ground) for ground in ("canvas", "surface", "surface-raised", "accent-soft", "surface-selected")],
    *[(f"{tone}-text", ground) for tone in TONES for ground in (f"{tone}-soft", "surface", "canvas", "surface-raised")],
]


def test_the_lock_file_pins_everything_and_names_no_host() -> None:
    packages = json.loads((STATIC / "package-lock.json").read_text())["packages"]
    installed = {name: package for name, package in packages.items() if name}
    assert [name for name, package in installed.items() if "resolved" in package] == []
    assert [name for name, package in installed.items() if not package.get("integrity")] == []


def test_direct_dependencies_are_pinned_exactly() -> None:
    package = json.loads((STATIC / "package.json").read_text())
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert [name for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_is_legible(text: str, ground: str, theme: int) -> None:
    colours = [TOKENS[name].split(",")[theme].strip() for name in (text, ground)]
    assert contrast(*colours) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("tone", TONES)
def test_bars_and_borders_of_controls_stand_out(tone: str, theme: int) -> None:
    surface = TOKENS["surface"].split(",")[theme].strip()
    for name in (f"{tone}-solid", "line-control"):
        assert contrast(TOKENS[name].split(",")[theme].strip(), surface) >= 2.8


@pytest.mark.parametrize("path", COMPONENTS, ids=lambda path: path.name)
def test_styles_use_classes_and_tokens(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    assert not re.search(r"(?:^|[\s,{}])#[a-z][\w-]*[^;{}]*\{", text), "an id as selector"
    if path.name not in {"base.css", "utilities.css"}:
        assert "!important" not in text
    if path.parent.name == "components":
        without_functions = re.sub(r"light-dark\([^;]*", "", text)
        assert set(re.findall(r"#[0-9a-f]{3,8}\b", without_functions)) <= {"#ffffff", "#a81f28"}


def test_every_style_is_in_the_map() -> None:
    mapped = set(re.findall(r'url\("([^@"][^"]*)"\)', (STATIC / "css/app.css").read_text()))
    there = {path.relative_to(STATIC / "css").as_posix() for path in COMPONENTS} - {"app.css"}
    assert mapped - {"@tabler/core/dist/css/tabler.css"} == there


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_write_text_never_markup(path: Path) -> None:
    assert not re.search(
        r"innerHTML|outerHTML\s*=|insertAdjacentHTML|\beval\(|new Function|document\.write", path.read_text()
    )


def test_no_script_is_for_one_page() -> None:
    assert [path.name for path in SCRIPTS if len(path.read_text().splitlines()) > 130] == []
