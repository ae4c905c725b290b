"""What lies in the repository: nothing that does not belong there, and nothing about the machine it was made on."""

from __future__ import annotations

import json
import re

import pytest

from tests.architecture.sources import ROOT, tracked

TOP = {
    *(".ci", ".dockerignore", ".gitignore", "CHANGELOG.md", "Dockerfile", "LICENSE", "Makefile", "README.md"),
    *("agents", "controlplane", "docker-compose.yml", "docs", "manage.py", "pyproject.toml"),
    *("requirements.txt", "requirements-dev.txt", "requirements-node.txt", "requirements-uv.txt"),
    *("runs", "static", "templates", "tests", "workflows"),
}
BINARY = {".png", ".jpg", ".ico", ".woff2", ".sqlite", ".parquet"}
TEXTS = [path for path in tracked() if path.suffix not in BINARY]
# A folder of somebody's, as an absolute path: examples in tests use /tmp, /data and /nowhere.
MACHINE_PATH = re.compile(r"(?<![\w.}=])/(?:root|home/[a-z]\w*|Users/\w+|work|mnt)/\w")
# The hosts that packages are downloaded from; which ones is up to the machine.
REGISTRY = re.compile(r"\b(?:pypi|pythonhosted|npmjs|npmmirror|debian|conda|docker)\.(?:org|com|io)\b", re.IGNORECASE)
LOCKS = [path for path in tracked() if re.match(r"requirements.*\.txt$", path.name)]
NPM_LOCKS = [path for path in tracked() if path.name == "package-lock.json"]


def read(path) -> str:
    return (ROOT / path).read_text(errors="replace")


def test_the_top_is_what_the_design_says():
    assert {path.parts[0] for path in tracked()} == TOP


def test_nothing_is_large():
    assert [str(path) for path in tracked() if (ROOT / path).stat().st_size > 600_000] == []


def test_nothing_is_minified():
    """Code of others is installed, not kept."""
    scripts = [path for path in tracked() if path.suffix in {".js", ".css", ".mjs"}]
    assert scripts
    assert [str(path) for path in scripts if max(map(len, read(path).splitlines()), default=0) > 400] == []


@pytest.mark.parametrize("path", [*LOCKS, *NPM_LOCKS], ids=str)
def test_a_lock_file_holds_no_address(path):
    """npm writes down whom to thank and where a package came from: take both out after an update."""
    assert "://" not in read(path)


def test_every_package_for_the_browser_has_its_hash():
    assert NPM_LOCKS
    for path in NPM_LOCKS:
        packages = {name: pin for name, pin in json.loads(read(path))["packages"].items() if name}
        assert packages
        assert [name for name, pin in packages.items() if not pin.get("integrity", "").startswith("sha512-")] == []


@pytest.mark.parametrize("path", LOCKS, ids=str)
def test_a_lock_file_pins_with_hashes(path):
    text = read(path)
    assert not re.search(r"^--(index|extra|find|trusted)", text, re.MULTILINE)
    pins = re.findall(r"^[a-z0-9][^\s=]*==\S+ \\\n(?:    --hash=sha256:[0-9a-f]{64})", text, re.MULTILINE)
    assert pins
    assert len(pins) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE))


def test_no_file_names_a_folder_of_this_machine():
    found = [(str(path), hit.group()) for path in TEXTS for hit in MACHINE_PATH.finditer(read(path))]
    assert found == []


def test_no_file_names_where_packages_come_from():
    assert [(str(path), hit.group()) for path in TEXTS for hit in REGISTRY.finditer(read(path))] == []
