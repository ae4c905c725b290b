"""Measure everything, or only what is named:
`python -m tests.bench engine live watching lists pages bulk exports resting`.
"""

from __future__ import annotations

import sys

from tests.bench.portal import ROOT, Portal
from tests.bench.results import Report

PARTS = ("engine", "live", "watching", "lists", "pages", "bulk", "exports", "resting")


def main(wanted: list[str]) -> int:
    parts = wanted or list(PARTS)
    report = Report(ROOT / "var" / "bench.json")
    if set(parts) - {"resting"}:
        measure_portal(report, parts)
    if "resting" in parts:
        from tests.bench import resting

        resting.measure(report)
    report.write()
    missed = [figure.name for figure in report.figures if figure.met is False]
    print(f"\n{len(report.figures)} figures in {report.path}; {len(missed)} aims missed.")
    for name in missed:
        print(f"  missed: {name}")
    return 0


def measure_portal(report: Report, parts: list[str]) -> None:
    portal = Portal()
    try:
        import django

        django.setup()
        portal.manage("migrate", "--verbosity=0")
        from tests.bench import bulk, engine, exports, lists, live, pages, watching
        from tests.bench.world import BenchWorld

        world = BenchWorld(portal.address)
        portal.start("web", "worker", "sweeper")
        for part in (engine, live, watching, lists, pages, bulk, exports):
            if part.__name__.rpartition(".")[2] in parts:
                part.measure(report, portal, world)
    finally:
        portal.stop()


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    sys.exit(main(sys.argv[1:]))
