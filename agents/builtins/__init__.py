"""The functions that every installation has; importing this registers them."""

from __future__ import annotations

from agents.builtins import packages, vectors, warehouse

__all__ = ["packages", "vectors", "warehouse"]
