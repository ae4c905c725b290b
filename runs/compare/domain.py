"""Two to four runs beside each other: what went in, what was to be done, and how each step went."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from controlplane.domain.diff import Change, changes
from controlplane.domain.errors import InvalidInput, NotFound
from controlplane.listing.declaration.filters import is_id
from runs.engine.sql import Row, run_statement
from runs.models import RUN_FINAL, Run, RunState
from workflows.specification.graph import topological
from workflows.specification.language import Spec

LEAST, MOST = 2, 4

# Contents are compared by digest, so that no large output is read.
STEPS = """
SELECT id, run_id, key, uses, state, cost_usd, reused,
       CASE WHEN NOT reused THEN (extract(epoch FROM ended_at - started_at) * 1000)::bigint END AS duration_ms,
       md5(request::text) AS request,
       CASE WHEN output -> '$artifact' IS NULL THEN md5(output::text) ELSE output ->> 'sha256' END AS output
FROM runs_steprun WHERE run_id = ANY(%(runs)s) AND index IS NULL ORDER BY position
"""
DIFFERENCES = {"uses": "what it uses", "request": "what it was asked", "state": "how it ended",
               "output": "what it answered"}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One run's part of a row; `step` None where that run has no such step. Deltas are to the first run's."""

    run: Run
    step: Row | None
    duration_delta_ms: int | None = None
    cost_delta_usd: Decimal | None = None
    differs: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepLine:
    key: str
    cells: list[Cell]

    @property
    def differs(self) -> bool:
        return any(cell.differs for cell in self.cells)


@dataclass(frozen=True)
class InputLine:
    """One path in the inputs; a value is (is it there, what it is) for each run."""

    path: str
    values: list[tuple[bool, Any]]


@dataclass(frozen=True)
class Divergence:
    """The first step, in the order of the graph, at which `run` went another way than the first run."""

    step: str
    run: Run
    differs: tuple[str, ...]

    @property
    def reason(self) -> str:
        if self.differs == ("presence",):
            return "only one of them has this step"
        return " and ".join(DIFFERENCES[name] for name in self.differs)


@dataclass(frozen=True)
class Comparison:
    """All against the first of `runs`."""

    runs: list[Run]

    @property
    def first(self) -> Run:
        return self.runs[0]

    @property
    def others(self) -> list[Run]:
        return self.runs[1:]

    @cached_property
    def inputs(self) -> list[InputLine]:
        """The paths at which any two differ."""
        found: dict[str, dict[int, Change]] = {}
        for run in self.others:
            for change in changes(self.first.inputs, run.inputs):
                found.setdefault(change.path, {})[run.pk] = change
        return [InputLine(path, self.values(by_run)) for path, by_run in found.items()]

    def values(self, by_run: dict[int, Change]) -> list[tuple[bool, Any]]:
        known = next(iter(by_run.values()))
        first = (known.kind != "added", known.old)
        pairs = [by_run.get(run.pk) for run in self.others]
        return [first, *[first if one is None else (one.kind != "removed", one.new) for one in pairs]]

    @cached_property
    def definitions(self) -> list[tuple[Run, list[Change]]]:
        """What each other run's specification has changed."""
        return [(run, self.definition_changes(run)) for run in self.others]

    def definition_changes(self, run: Run) -> list[Change]:
        same = run.version_id is not None and run.version_id == self.first.version_id
        return [] if same else changes(self.first.document, run.document)

    @cached_property
    def steps(self) -> list[StepLine]:
        """Every step of any of them, in the order of the first run's graph, then those that only others have."""
        rows = run_statement(STEPS, {"runs": [run.pk for run in self.runs]})
        by_place = {(row["run_id"], row["key"]): row for row in rows}
        order = {**dict.fromkeys(topological(Spec.from_document(self.first.document).steps)),
                 **dict.fromkeys(row["key"] for row in rows)}  # fmt: skip
        return [StepLine(key, self.cells([by_place.get((run.pk, key)) for run in self.runs])) for key in order]

    def cells(self, steps: list[Row | None]) -> list[Cell]:
        first = steps[0]
        compared = [compared_cell(run, step, first) for run, step in zip(self.others, steps[1:], strict=True)]
        return [Cell(self.first, first), *compared]

    @cached_property
    def divergence(self) -> Divergence | None:
        found = ((line, cell) for line in self.steps for cell in line.cells if cell.differs)
        line, cell = next(found, (None, None))
        return None if line is None or cell is None else Divergence(line.key, cell.run, cell.differs)

    def duration_delta(self, run: Run) -> int | None:
        return minus(run.duration_ms if run.is_final else None, self.first.duration_ms if self.first.is_final else None)

    def cost_delta(self, run: Run) -> Decimal:
        return run.cost_usd - self.first.cost_usd


def compared_cell(run: Run, step: Row | None, first: Row | None) -> Cell:
    if step is None or first is None:
        return Cell(run, step, differs=() if step is first else ("presence",))
    return Cell(
        run,
        step,
        minus(step["duration_ms"], first["duration_ms"]),
        step["cost_usd"] - first["cost_usd"],
        tuple(name for name in DIFFERENCES if step[name] != first[name]),
    )


def minus(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one - other


def ids_in(text: str) -> list[int]:
    """The ids in `1,2`, each once, in order. Raises InvalidInput unless there are two to four."""
    words = list(dict.fromkeys(word for word in text.replace("#", " ").replace(",", " ").split()))
    if not all(is_id(word) for word in words):
        raise InvalidInput.field("ids", "Give the numbers of runs with commas between them, such as 41,42.")
    if not LEAST <= len(set(map(int, words))) <= MOST:
        raise InvalidInput.field("ids", f"Give {LEAST} to {MOST} different runs, such as 41,42.")
    return list(dict.fromkeys(map(int, words)))


def compare_runs(text: str, who: Any) -> Comparison:
    """The runs whose ids `text` holds, of those that `who` may see. Raises InvalidInput and NotFound."""
    ids = ids_in(text)
    rows = Run.objects.visible_to(who).select_related("project", "workflow", "version", "agent").defer("outputs")
    found = rows.in_bulk(ids)
    if missing := [pk for pk in ids if pk not in found]:
        raise NotFound(f"There is no run {missing[0]} here.")
    return Comparison([found[pk] for pk in ids])


def last_success_before(run: Run) -> int | None:
    """The id of the newest run of the same workflow that succeeded before `run` was made."""
    earlier = Run.objects.filter(workflow_id=run.workflow_id, state=RunState.SUCCEEDED, created_at__lte=run.created_at)
    return earlier.exclude(pk=run.pk).order_by("-created_at", "-id").values_list("pk", flat=True).first()


def went_wrong(run: Run) -> bool:
    return run.state in RUN_FINAL and run.state != RunState.SUCCEEDED
