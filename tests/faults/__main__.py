"""`python -m tests.faults [--short] [NAMES]`: kill things and look whether anything was lost.

Every scenario is bounded in count and time, talks to this machine only, prints its figures and a last line, and ends
with the invariants. Figures go to var/faults.json, a line of JSON each. Exit code 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from tests.faults.report import Report
from tests.faults.stage import ROOT, Stage

FIGURES = Path("var/faults.json")
HERE = ("127.", "::1")


def main() -> int:
    asked = arguments()
    random.seed(asked.seed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    refuse_the_internet()
    began, stage = monotonic(), Stage()
    try:
        stage.prepare()
        reports = play(stage, asked)
    finally:
        stage.close()
    passed = sum(len(report.checks) - report.failed for report in reports)
    failed = sum(report.failed for report in reports)
    print(f"\n{passed} passed, {failed} failed, seed {asked.seed}, {monotonic() - began:.0f} s")
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("names", nargs="*", help="scenarios such as R-01; all by default")
    parser.add_argument("--short", action="store_true", help="a few of each, for every test run")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(2), "big"))
    return parser.parse_args()


def play(stage: Stage, asked: argparse.Namespace) -> list[Report]:
    from tests.faults.cast import broken_invariants, deadlocks
    from tests.faults.scenarios import SCENARIOS

    figures = ROOT / FIGURES
    if not asked.short:
        figures.unlink(missing_ok=True)
    reports = []
    for name, scenario in SCENARIOS.items():
        if asked.names and name not in asked.names:
            continue
        report = Report(name, (scenario.__doc__ or "").splitlines()[0])
        print(f"\n{name}  {report.promise}", flush=True)
        perform(scenario, stage, report, short=asked.short)
        report.measure(deadlocks=deadlocks())
        report.check(f"invariants: {(broken := broken_invariants())}", not broken)
        report.close()
        if not asked.short:
            report.append_to(figures)
        reports.append(report)
    return reports


def perform(scenario: Callable[..., None], stage: Stage, report: Report, *, short: bool) -> None:
    try:
        scenario(stage, report, short=short)
    except Exception as error:
        traceback.print_exc()
        report.check(f"it went to its end: {error!r}", False)
        tell_what_processes_said(stage)
    finally:
        stage.end_processes()


def tell_what_processes_said(stage: Stage) -> None:
    for process in stage.processes:
        print(f"--- {process.name}\n{process.said()[-2000:]}", file=sys.stderr)


def refuse_the_internet() -> None:
    """Whatever goes wrong, nothing here reaches another machine."""

    def look(event: str, details: tuple) -> None:
        if (
            event == "socket.connect"
            and isinstance(details[1], tuple)
            and not details[1][0].startswith(("127.", "::1"))
        ):
            raise PermissionError(f"this suite stays on this machine: {details[1]}")

    sys.addaudithook(look)


if __name__ == "__main__":
    sys.exit(main())
