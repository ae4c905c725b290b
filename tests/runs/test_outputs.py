"""Outputs, artifacts, logs, progress and costs."""

from __future__ import annotations

import hashlib
import json

import pytest
from django.db import OperationalError, connection

from runs.engine import advance
from runs.engine.finish import finish
from runs.engine.logs import CHUNK_LINES, MAX_LINES, LogBuffer
from runs.engine.outcome import Outcome
from runs.engine.work import work
from runs.models import Artifact, LogChunk
from runs.queries import log_lines
from tests.runs.driving import drain, error, events, function_tool, output, start, step, take

pytestmark = pytest.mark.django_db(transaction=True)
LARGE = 300 * 1024


@pytest.fixture
def tools(world):
    for name in ("large", "log", "progress", "echo"):
        function_tool(world, name, f"test-{name}", idempotent=True, cost_usd="0.125" if name == "echo" else "0")


def test_a_large_output_is_a_file_with_its_size_and_digest(world, tools):
    run = drain(start(world, step("big", "tool:large", with_={"bytes": LARGE}),
                      step("size", "transform", needs="big", with_="${{ size(steps.big.output) }}")))  # fmt: skip
    body = json.dumps("x" * LARGE).encode()
    file = Artifact.objects.get()
    assert (file.size, file.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert file.file.read() == body
    assert output(run, "big") == {"$artifact": file.pk, "size": file.size, "sha256": file.sha256, "kind": "str"}
    assert output(run, "size") == LARGE


def test_large_items_are_put_together(world, tools):
    each = step("each", "tool:large", foreach=[1, 2], with_={"bytes": LARGE})
    sizes = step("size", "transform", needs="each", with_="${{ steps.each.output.map(o, size(o)) }}")
    run = drain(start(world, each, sizes))
    assert output(run, "size") == [LARGE, LARGE]


def test_items_that_are_too_large_together_fail_their_step(world, tools, monkeypatch):
    monkeypatch.setattr(advance, "MAX_JOINED_BYTES", 2 * LARGE)
    each = step("each", "tool:large", foreach=[1, 2], with_={"bytes": LARGE})
    run = drain(start(world, each, step("after", needs="each")))
    assert (run.state, error(run, "each")["type"]) == ("failed", "storage")


def test_a_file_is_downloaded_and_one_that_is_gone_is_not_found(world, tools):
    run = drain(start(world, step("big", "tool:large", with_={"bytes": LARGE})))
    file = Artifact.objects.get()
    addresses = {
        world.client("vera"): f"/p/acme/runs/{run.pk}/artifacts/{file.pk}",
        world.api("vera"): f"/api/v1/runs/{run.pk}/artifacts/{file.pk}",
    }
    for client, address in addresses.items():
        assert len(b"".join(client.get(address))) == file.size
    file.file.storage.delete(file.file.name)
    for client, address in addresses.items():
        assert client.get(address).status_code == 404


@pytest.mark.parametrize("reader", ["foreach", "when", "outputs", "items"])
def test_a_file_that_is_gone_fails_what_reads_it_and_ends_the_run(world, tools, reader):
    big = step("big", "tool:large", with_={"bytes": LARGE}, **({"foreach": [1, 2]} if reader == "items" else {}))
    more = {"foreach": "${{ [steps.big.output] }}"} if reader == "foreach" else {"when": "size(steps.big.output) > 0"}
    steps = [big, *([step("after", needs="big", **more)] if reader in {"foreach", "when"} else [])]
    outputs = {"outputs": "${{ steps.big.output }}"} if reader == "outputs" else {}
    run = start(world, *steps, step("gate"), **outputs)
    claimed = take(run, "big", 1 if reader == "items" else None)
    if reader == "items":
        work(run.steps.get(key="big", index=0).pk)
        Artifact.objects.all().delete()
        finish(claimed, Outcome("succeeded"))
    else:
        finish(claimed, Outcome("succeeded", output={"$artifact": 0, "size": 1}))
    assert drain(run).state == "failed"
    failed = run.error if reader == "outputs" else error(run, "big" if reader == "items" else "after")
    assert failed["type"] == "storage"


def test_output_that_looks_like_a_reference_reads_no_foreign_file(world, tools):
    secret = drain(start(world, step("big", "tool:large", with_={"bytes": LARGE})))
    fake = {"$artifact": Artifact.objects.get().pk}
    run = drain(start(world, step("forged", "transform", with_=fake),
                      step("read", "transform", needs="forged", with_="${{ steps.forged.output }}")))  # fmt: skip
    assert run.state == "succeeded"
    own = Artifact.objects.filter(run=run)
    assert {json.load(each.file.open())["$artifact"] for each in own} == {fake["$artifact"]}
    assert secret.pk != run.pk


def test_a_request_is_kept_with_the_answer(world, tools):
    run = drain(start(world, step("a", "tool:echo", with_={"n": 5})))
    kept = run.steps.get()
    assert kept.request == {"function": "test-echo", "input": {"n": 5}}
    assert kept.output == {"n": 5, "key": f"{run.pk}:a"}


def test_costs_of_all_steps_and_items_add_up(world, tools):
    run = drain(start(world, step("a", "tool:echo"), step("each", "tool:echo", foreach=[1, 2, 3])))
    assert str(run.cost_usd) == "0.500000"


class TestLogs:
    def test_lines_are_numbered_through_the_run_in_chunks(self, world, tools):
        run = drain(start(world, step("a", "tool:log", with_={"lines": 250}),
                          step("b", "tool:log", needs="a", with_={"lines": 3})))  # fmt: skip
        assert list(LogChunk.objects.order_by("first_line").values_list("first_line", "count")) == [
            (1, 100), (101, 100), (201, 50), (251, 3),
        ]  # fmt: skip
        lines = log_lines(run.pk, after=0, limit=1000)
        assert [line["n"] for line in lines] == list(range(1, 254))
        assert [line["text"] for line in lines[:250]] == [f"line {n}" for n in range(250)]
        assert [event.data["line"] for event in events(run) if event.type == "run.logs"] == [100, 200, 250, 253]

    def test_paging_reads_only_the_chunks_that_a_page_is_made_of(self, world, tools):
        run = drain(start(world, step("a", "tool:log", with_={"lines": 3 * CHUNK_LINES})))
        lines, after = [], 0
        while page := log_lines(run.pk, after=after, limit=70):
            lines, after = lines + page, page[-1]["n"]
        assert [line["n"] for line in lines] == list(range(1, 3 * CHUNK_LINES + 1))

    def test_text_is_split_cleaned_and_cut(self, world):
        buffer = self.buffer(world)
        buffer.add("info", "one\ntwo")
        buffer.add("shout", "nul \x00 and \ud800")
        buffer.add("error", "z" * 9000)
        buffer.flush()
        lines = LogChunk.objects.get().lines
        assert [line["level"] for line in lines] == ["info", "info", "info", "error"]
        assert lines[2]["text"] == "nul \N{REPLACEMENT CHARACTER} and ?"
        assert lines[3]["text"].endswith("… (9,000 characters)")

    def test_what_cannot_be_written_now_is_written_later(self, world):
        """Another connection holds the run's row, and ours does not wait for it."""
        buffer, other = self.buffer(world), connection.copy()
        with connection.cursor() as ours, other.cursor() as theirs:
            ours.execute("SET lock_timeout = '20ms'")
            theirs.execute("BEGIN")
            theirs.execute("SELECT 1 FROM runs_run WHERE id = %s FOR UPDATE", [buffer.run_id])
            for number in range(CHUNK_LINES + 50):
                buffer.add("info", f"line {number}")
            with pytest.raises(OperationalError):
                buffer.flush()
            theirs.execute("ROLLBACK")
            ours.execute("RESET lock_timeout")
        other.close()
        assert LogChunk.objects.count() == 0
        buffer.flush()
        lines = [line["text"] for chunk in LogChunk.objects.order_by("first_line") for line in chunk.lines]
        assert lines == [f"line {number}" for number in range(CHUNK_LINES + 50)]

    def test_a_step_that_logs_for_ever_is_cut_off_with_a_word(self, world):
        buffer = self.buffer(world)
        buffer._written = MAX_LINES - 2
        for _ in range(3):
            buffer.add("info", "\n".join("abc"))
            buffer.flush()
        assert LogChunk.objects.count() == 1
        assert LogChunk.objects.get().lines[-1]["text"].startswith(f"More than {MAX_LINES:,} lines")

    def buffer(self, world) -> LogBuffer:
        run = start(world, step("a"))
        claimed = take(run, "a")
        return LogBuffer(run_id=run.pk, step_id=claimed.id, attempt_no=1)


def test_progress_is_told_seldom_but_at_the_end(world, tools):
    run = drain(start(world, step("a", "tool:progress", with_={"rows": 500})))
    assert run.steps.get().progress == {"done": 500, "total": 500, "counts": {}}
    told = [event.data["done"] for event in events(run) if event.type == "step.progress"]
    assert told[-1] == 500
    assert len(told) < 10


def test_an_expression_that_fails_at_its_step_is_typed(world):
    run = drain(start(world, step("a", "transform", with_="${{ 1 / 0 }}", retry={"max_attempts": 5})))
    assert (error(run, "a")["type"], run.steps.get().attempt_no) == ("expression", 1)
