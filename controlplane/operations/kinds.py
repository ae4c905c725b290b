"""Who works on which kind of operation. Layers above say so at start; their modules are loaded with the first one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.module_loading import import_string

_workers: dict[str, str] = {}


def register(kind: str, path: str) -> None:
    """`path` is that of a function (operation, work): it does what is left, asks `work.goes_on()` before each part."""
    _workers[kind] = path


def worker_of(kind: str) -> Callable[..., Any]:
    return import_string(_workers[kind])
