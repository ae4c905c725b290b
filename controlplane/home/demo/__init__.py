"""The demo project: three workflows on input that every installation has. Nothing in it is invented."""

from __future__ import annotations

from controlplane.home.demo.project import create_demo
from controlplane.home.demo.upkeep import keep_up_demo

__all__ = ["create_demo", "keep_up_demo"]
