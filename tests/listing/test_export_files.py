"""The three formats, and files that an operation makes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from controlplane.listing.declaration.columns import Column
from controlplane.listing.export import formats as export_formats
from controlplane.listing.export import work as export_work
from controlplane.listing.export.formats import FORMATS, Export
from controlplane.operations.carrying import sweep
from controlplane.operations.carrying.work import Work, work
from controlplane.operations.models import Operation
from runs.list.listing import RUNS
from runs.models import Run
from tests.runs.driving import wait_until
from tests.runs.test_worker_processes import process, working
from tests.world import make_run, make_runs, make_workflow

pytestmark = pytest.mark.django_db(transaction=True)
NASTY = '=1+1 "quoted", \\back\nline\x02\x01é<&>'
PAGE = "/p/acme/runs/"


@pytest.fixture
def workflow(world):
    return make_workflow(world.acme)


def made(format: str, names: str = "id workflow tags created_by created_at cost_usd duration_ms", **more) -> bytes:
    columns = [column for column in RUNS.columns if column.name in names.split()]
    return b"".join(Export(Run.objects.order_by("pk"), columns, **more).pieces(format))


def sheets(book: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return {
            name: archive.read(name).decode() for name in archive.namelist() if "sheet" in name and "rels" not in name
        }


def test_json_holds_every_row_as_it_is(world, workflow):
    run = make_run(workflow, created_by=NASTY, tags=["a", NASTY])
    other = make_run(workflow, "queued")
    rows = json.loads(made("json"))
    assert [row["id"] for row in rows] == [run.pk, other.pk]
    assert list(rows[0]) == ["id", "workflow", "tags", "created_by", "created_at", "duration_ms", "cost_usd"]
    assert (rows[0]["created_by"], rows[0]["tags"], rows[0]["workflow"]) == (NASTY, ["a", NASTY], "nightly")
    assert (rows[0]["cost_usd"], rows[0]["duration_ms"], rows[1]["duration_ms"]) == ("0.000000", 1500, None)
    assert datetime.fromisoformat(rows[0]["created_at"]) == run.created_at


def test_nothing_is_still_json(world):
    assert json.loads(made("json")) == []
    assert json.loads(b"".join(Export(Run.objects.none(), RUNS.columns[:1]).pieces("json"))) == []


def test_a_workbook_holds_numbers_local_times_and_text_that_is_never_a_formula(world, workflow):
    at = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    make_run(workflow, created_by="=1+1", tags=["https://example.org"], created_at=at)
    (sheet,) = [text for name, text in sheets(made("xlsx", zone="Europe/Berlin")).items() if "sheet1" in name]
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert "<t>=1+1</t>" in sheet
    # 14:00 in Berlin, as days since 1900.
    assert re.search(r"<v>46204\.5833333", sheet)
    assert "<v>1500</v>" in sheet


def test_a_workbook_goes_on_on_another_sheet(world, workflow, monkeypatch):
    monkeypatch.setattr(export_formats, "SHEET_ROWS", 2)
    make_runs(workflow, 5)
    found = sheets(made("xlsx"))
    assert [len(re.findall("<row ", text)) for _, text in sorted(found.items())] == [3, 3, 2]


@pytest.mark.parametrize("format", FORMATS)
def test_each_list_is_sent_in_each_format(world, workflow, format):
    make_run(workflow)
    for name in ("runs", "workflows", "agents", "tools", "instances"):
        answer = world.client("vera").get(f"/p/acme/{name}/?export={format}")
        assert answer.status_code == 200
        assert answer["Content-Disposition"].endswith(f'.{format}"')
        assert b"".join(answer)


def test_a_long_export_is_offered_as_a_file_and_made_by_a_operation(world, workflow, monkeypatch):
    runs = make_runs(workflow, 3, "failed")
    make_run(workflow)
    monkeypatch.setitem(FORMATS, "csv", export_formats.Format("CSV", "text/csv", 2, FORMATS["csv"].make))
    client = world.client("vera")
    address = f"{PAGE}?status=failed&columns=id,created_at&export=csv"
    assert "made in the background" in client.get(address).content.decode()
    answer = client.post(address, {"export": "csv"})
    operation = Operation.objects.get()
    assert answer["Location"] == f"/p/acme/operations/{operation.pk}/"
    assert client.get(f"/p/acme/operations/{operation.pk}/file").status_code == 409
    work(operation.pk)
    operation.refresh_from_db()
    assert (operation.state, operation.done, operation.total) == ("succeeded", 3, 3)
    content = b"".join(client.get(f"/p/acme/operations/{operation.pk}/file"))
    assert {int(row["id"]) for row in csv.DictReader(io.StringIO(content.decode()))} == {run.pk for run in runs}
    manifest = client.get(f"/p/acme/operations/{operation.pk}/manifest.json").json()
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert (manifest["rows"], manifest["bytes"], manifest["user"]) == (3, len(content), "vera")
    assert (manifest["filter"], manifest["columns"]) == ({"status": ["failed"]}, ["id", "created_at"])
    assert manifest["sha256"] in client.get(f"/p/acme/operations/{operation.pk}/").content.decode()


def ordered(world, who: str = "vera", **sent) -> Operation:
    answer = world.api(who).post("/api/v1/exports", {"list": "runs", "format": "json", **sent}, format="json")
    assert answer.status_code == 202, answer.json()
    return Operation.objects.get(pk=answer.json()["id"])


def test_the_api_makes_files_too(world, workflow):
    run = make_run(workflow, tags=["a"])
    make_run(workflow)
    operation = ordered(world, filter={"tag": "a"}, columns=["id", "status"])
    work(operation.pk)
    api = world.api("vera")
    assert api.get(f"/api/v1/operations/{operation.pk}").json()["manifest"]["rows"] == 1
    assert json.loads(b"".join(api.get(f"/api/v1/operations/{operation.pk}/file"))) == [
        {"id": run.pk, "status": "succeeded"}
    ]


@pytest.mark.parametrize(
    "sent",
    [
        {"list": "nothing"},
        {"format": "pdf"},
        {"columns": ["nope"]},
        {"filter": {"status": "nope"}},
        {"filter": {"x": 1}},
        {"filter": {"order": "nope"}},
        {"filter": {"limit": 10}},
    ],
)
def test_a_broken_order_makes_no_operation(world, sent):
    body = {"list": "runs", "format": "csv", **sent}
    assert world.api("vera").post("/api/v1/exports", body, format="json").status_code == 400
    assert not Operation.objects.exists()


def test_a_file_goes_when_it_expires(world, workflow):
    operation = ordered(world)
    work(operation.pk)
    operation.refresh_from_db()
    name = operation.file.name
    assert default_storage.exists(name)
    Operation.objects.update(expires_at=operation.created_at)
    assert sweep.forget_old_operations() == 1
    assert not default_storage.exists(name)


def test_a_file_goes_with_its_project(world):
    operation = ordered(world)
    work(operation.pk)
    with transaction.atomic():
        world.acme.delete()
        assert default_storage.exists(f"exports/{operation.pk}")
    assert not default_storage.exists(f"exports/{operation.pk}")


def test_a_cancelled_export_leaves_no_file(world, workflow):
    operation = ordered(world)
    assert world.api("alice").post(f"/api/v1/operations/{operation.pk}/cancel").status_code == 200
    work(operation.pk)
    operation.refresh_from_db()
    assert (operation.state, bool(operation.file)) == ("cancelled", False)


def test_who_lost_an_export_leaves_the_file_of_whoever_has_it_now(world, workflow):
    """The slow one is overtaken while it writes: one file, the one that the operation names."""
    make_run(workflow)
    operation = ordered(world)
    slow = Work(operation.pk)
    carried_out = slow.claim()
    Operation.objects.update(lease_until=operation.created_at)
    work(operation.pk)
    export_work.make_file(carried_out, slow)
    operation.refresh_from_db()
    assert operation.state == "succeeded"
    assert default_storage.listdir(f"exports/{operation.pk}")[1] == [operation.manifest["file"]]
    assert json.loads(b"".join(world.client("vera").get(f"/p/acme/operations/{operation.pk}/file")))


def test_an_export_that_ends_its_workers_is_given_up(world, workflow):
    operation = ordered(world)
    for _ in range(export_work.MOST_ATTEMPTS):
        assert Work(operation.pk).claim() is not None
        Operation.objects.update(lease_until=operation.created_at)
    work(operation.pk)
    operation.refresh_from_db()
    assert (operation.state, operation.message, bool(operation.file)) == ("failed", export_work.LOST, False)


def test_a_workbook_that_nobody_wants_any_more_is_not_finished(world, workflow):
    make_runs(workflow, 5)
    export = Export(Run.objects.order_by("pk"), RUNS.columns[:1], wanted=lambda: export.rows < 2)
    assert b"".join(export.pieces("xlsx"))
    assert export.rows == 2


def test_the_last_hour_is_that_before_the_click(world, workflow):
    run = make_run(workflow)
    operation = ordered(world, filter={"since": "-1h"}, columns=["id"])
    Run.objects.update(created_at=operation.created_at - timedelta(minutes=80))
    Operation.objects.update(created_at=operation.created_at - timedelta(minutes=30))
    make_run(workflow, created_at=operation.created_at - timedelta(minutes=100))
    work(operation.pk)
    content = b"".join(world.client("vera").get(f"/p/acme/operations/{operation.pk}/file"))
    assert json.loads(content) == [{"id": run.pk}]


def test_a_file_that_expired_or_was_lost_is_not_found(world, workflow):
    operations = [ordered(world), ordered(world)]
    for operation in operations:
        work(operation.pk)
        operation.refresh_from_db()
    Operation.objects.filter(pk=operations[0].pk).update(expires_at=operations[0].created_at)
    default_storage.delete(operations[1].file.name)
    client = world.client("vera")
    assert [client.get(f"/p/acme/operations/{operation.pk}/file").status_code for operation in operations] == [404, 404]


def test_what_a_lost_worker_stored_goes_with_the_operation(world, workflow):
    operation = ordered(world)
    default_storage.save(f"exports/{operation.pk}/half.json", ContentFile(b"[]"))
    work(operation.pk)
    Operation.objects.update(expires_at=operation.created_at)
    assert sweep.forget_old_operations() == 1
    assert not default_storage.exists(f"exports/{operation.pk}")


def test_one_run_is_a_document_with_its_steps(world, workflow):
    run = make_run(workflow)
    steps = [
        run.steps.create(key=f"s{number}", position=number, uses="noop", output={"n": number}) for number in range(3)
    ]
    answer = world.api("vera").get(f"/api/v1/runs/{run.pk}/export")
    document = json.loads(b"".join(answer))
    assert (document["id"], document["artifacts"]) == (run.pk, [])
    assert [(step["key"], step["output"]) for step in document["steps"]] == [(step.key, step.output) for step in steps]


def test_the_steps_of_one_run_are_a_table(world, workflow):
    run = make_run(workflow)
    error = {"type": "tool", "message": "=cmd()", "stack": "x"}
    run.steps.create(key="second", position=1, uses="tool:send", state="failed", error=error, cost_usd="0.25")
    run.steps.create(key="first", position=0, uses="noop", state="succeeded", attempt_no=2)
    api = world.api("vera")
    text = b"".join(api.get(f"/api/v1/runs/{run.pk}/steps.csv")).decode()
    rows = [
        [row[name] for name in ("key", "status", "attempts", "error_type", "error_message")]
        for row in csv.DictReader(io.StringIO(text))
    ]
    assert rows == [["first", "succeeded", "2", "", ""], ["second", "failed", "0", "tool", "'=cmd()"]]
    with zipfile.ZipFile(io.BytesIO(b"".join(api.get(f"/api/v1/runs/{run.pk}/steps.xlsx")))) as book:
        assert b"second" in book.read("xl/worksheets/sheet1.xml")


def test_a_column_without_a_source_is_in_no_file(world, workflow):
    make_run(workflow)
    page = world.client("vera").get(f"{PAGE}?export=json")
    shown = [column.name for column in RUNS.columns if column.default and column.source is not None]
    assert list(json.loads(b"".join(page))[0]) == shown
    assert Column("hidden", "Hidden", csv=None).source is None


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_file_survives_the_death_of_its_worker(world, workflow):
    """Whoever had the lease is gone: a real worker begins again and the file is whole."""
    make_runs(workflow, 50)
    operation = ordered(world)
    assert Work(operation.pk).claim() is not None
    Operation.objects.update(lease_until=operation.created_at)
    environment = {"ENGINE_RING_AGAIN_SECONDS": "1"}
    with process("sweeper", **environment), working("second", **environment):
        wait_until(lambda: not Operation.objects.get(pk=operation.pk).is_live, 60)
    content = b"".join(world.api("vera").get(f"/api/v1/operations/{operation.pk}/file"))
    operation.refresh_from_db()
    assert (operation.state, len(json.loads(content))) == ("succeeded", 50)
    assert operation.manifest["sha256"] == hashlib.sha256(content).hexdigest()
