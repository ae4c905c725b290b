"""Filling in URLs: what goes in takes up its own place and no more, whatever characters it has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from controlplane.domain.failures import Misconfigured

REFERENCE = re.compile(r"\$\{\{\s*secrets\.([A-Za-z_][A-Za-z0-9_]{0,62})\s*\}\}")
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
UP_TO_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\\]*\Z")
HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")


def part(value: Any) -> str:
    """One segment of a path, or one value of a query: every sign that could end it or mean something is encoded."""
    return quote(str(value), safe="", errors="replace")


def with_secrets(url: str, secrets: Mapping[str, str]) -> str:
    """`url` with its references replaced: one at the beginning as it is (a whole URL, or the beginning of one), one in
    the host as it is when it can be nothing but a host, all others encoded.

    Raises `Misconfigured` for a host that is none.
    """
    text, at = "", 0
    for match in REFERENCE.finditer(url):
        text += url[at : match.start()]
        text += _placed(text, match[1], secrets[match[1]])
        at = match.end()
    return text + url[at:]


def check_host(url: str) -> None:
    """Raises `Misconfigured` for a URL whose host would be filled from the input."""
    for match in PLACEHOLDER.finditer(url):
        if UP_TO_HOST.fullmatch(url[: match.start()]):
            raise Misconfigured("The input can fill in parts of the path and the query only, never the host.")


def _placed(before: str, name: str, secret: str) -> str:
    if not before:
        return secret
    if not UP_TO_HOST.fullmatch(before):
        return part(secret)
    if not HOST.fullmatch(secret):
        raise Misconfigured(f"The secret {name} stands for the host in the URL, and is no host name.")
    return secret
