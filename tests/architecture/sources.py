"""The files of the repository as the rules look at them."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("controlplane", "agents", "workflows", "runs")
# What .gitignore keeps out, for a copy without git.
MADE = {".git", ".venv", "node_modules", "var", "__pycache__", "dist", "staticfiles", ".hypothesis"}
MADE |= {".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache"}


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that belongs to the repository, relative to its root, new ones included."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        found = [Path(name) for name in listed.split("\0") if name]
    else:
        found = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
        found = [path for path in found if not MADE & set(path.parts)]
    return tuple(sorted(path for path in found if (ROOT / path).is_file()))


def is_product(path: Path) -> bool:
    return path.parts[0] in PACKAGES and "migrations" not in path.parts


@cache
def product_modules() -> tuple[Path, ...]:
    """Our Python without tests and migrations."""
    return tuple(path for path in tracked() if path.suffix == ".py" and is_product(path))


def modules_of_tests() -> tuple[Path, ...]:
    return tuple(path for path in tracked() if path.suffix == ".py" and path.parts[0] == "tests")


def templates() -> tuple[Path, ...]:
    return tuple(path for path in tracked() if path.suffix == ".html" and path.parts[0] == "templates")


@cache
def text_of(path: Path) -> str:
    return (ROOT / path).read_text()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path), str(path))


def lines_of(text: str) -> int:
    """Lines that are not blank."""
    return len(re.findall(r"^.*\S.*$", text, re.MULTILINE))


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the last name of what is called: `record` for both `record()` and `domain.record()`."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            called = node.func
            yield called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", ""), node


def texts(node: ast.AST) -> list[str]:
    """The text constants within `node`."""
    found = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
    return [value for value in found if isinstance(value, str)]
