"""Small functions and files. The medians and ninth deciles are those of the code bases that we admire."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

from tests.architecture.sources import lines_of, modules_of_tests, product_modules, templates, text_of, tree_of


def ninth_decile(sizes: list[int]) -> int:
    return sorted(sizes)[int(len(sizes) * 0.9)]


def functions() -> list[tuple[int, str]]:
    """(lines that are not blank, where) of every function."""
    found = []
    for path in product_modules():
        source = text_of(path).splitlines()
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = "\n".join(source[node.lineno - 1 : node.end_lineno])
                found.append((lines_of(body), f"{path}:{node.name}"))
    return found


FUNCTIONS = functions()
FILES = [(lines_of(text_of(path)), str(path)) for path in product_modules() if text_of(path).strip()]
TEMPLATES = [(lines_of(text_of(path)), str(path)) for path in templates()]


def test_most_functions_are_short():
    sizes = [size for size, _ in FUNCTIONS]
    assert statistics.median(sizes) <= 8
    assert ninth_decile(sizes) <= 25


def test_no_function_is_long():
    assert [where for size, where in FUNCTIONS if size > 50] == []


def test_most_files_are_short():
    sizes = [size for size, _ in FILES]
    assert statistics.median(sizes) <= 80
    assert ninth_decile(sizes) <= 300


def test_no_file_is_long():
    assert [where for size, where in FILES if size > 500] == []


def test_verbs_and_tables_are_split_before_they_are_long():
    rooms = {"actions", "models", "actions.py", "models.py"}
    assert [where for size, where in FILES if size > 300 and rooms & set(Path(where).parts)] == []


def test_most_templates_are_short():
    assert ninth_decile([size for size, _ in TEMPLATES]) <= 60


def test_the_figures(record_property, capsys):
    """Prints them, among others the lines of tests for a line of code, which should reach one."""
    code = sum(size for size, _ in FILES)
    tested = sum(lines_of(text_of(path)) for path in modules_of_tests())
    sizes = [size for size, _ in FUNCTIONS]
    figures = {
        "functions": f"{len(sizes)}, median {statistics.median(sizes):g}, 90% {ninth_decile(sizes)}, {max(FUNCTIONS)}",
        "files": f"{len(FILES)}, median {statistics.median([size for size, _ in FILES]):g}, {max(FILES)}",
        "templates": f"{len(TEMPLATES)}, 90% {ninth_decile([size for size, _ in TEMPLATES])}, {max(TEMPLATES)}",
        "tests to code": f"{tested} / {code} = {tested / code:.2f}",
    }
    with capsys.disabled():
        for name, value in figures.items():
            record_property(name, value)
            print(f"\n{name}: {value}", end="")
    # Far below the aim: it would mean that something is not tested at all.
    assert tested / code > 0.5
