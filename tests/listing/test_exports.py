from __future__ import annotations

import asyncio
import csv
import io
import threading
import time

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.db.models import F, QuerySet, TextField, Value
from django.test import AsyncClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.domain.errors import Unavailable
from controlplane.listing.declaration.columns import Column
from controlplane.listing.export import streaming
from controlplane.listing.export.copying import FormulaSafe
from controlplane.listing.export.formats import Export
from controlplane.listing.export.streaming import Stream
from runs.models import Run
from tests.world import make_run, make_runs, make_workflow

DANGEROUS = "=+-@\t\r\n＝＋－＠"


def safe(text: str) -> str:
    with connection.cursor() as cursor:
        queryset = Run.objects.order_by().values_list(FormulaSafe(Value(text, output_field=TextField())))
        sql, params = queryset.query.sql_with_params()
        cursor.execute(sql.split(" FROM ")[0], params)
        return cursor.fetchone()[0]


def export(queryset: QuerySet, columns: list[Column]) -> list[list[str]]:
    """Rows as a spreadsheet reads them, without the header."""
    pieces = Export(queryset, columns).pieces("csv")
    return list(csv.reader(io.StringIO(b"".join(pieces).decode(), newline="")))[1:]


@pytest.mark.django_db
@pytest.mark.parametrize("first", DANGEROUS)
def test_text_that_begins_like_a_formula_gets_a_quote(first):
    assert safe(f"{first}cmd|' /C calc'!A0") == f"'{first}cmd|' /C calc'!A0"


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "plain", "-1", "+1.50", "-1e9", "a=b", "ünï", "'=1"])
def test_plain_text_and_plain_numbers_stay_as_they_are(text):
    assert safe(text) == text


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["-1+cmd", "-", "+", "-1\n", "=1", "-1e", "--1"])
def test_what_only_looks_like_a_number_gets_a_quote(text):
    assert safe(text) == f"'{text}"


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_no_cell_ever_begins_a_formula(text):
    cell = safe(text)
    assert cell in (text, f"'{text}")
    if cell[:1] and cell[:1] in DANGEROUS:
        float(cell)


@pytest.mark.django_db
def test_every_text_column_is_guarded_also_arrays(world):
    run = make_run(make_workflow(world.acme), created_by="=1+1", tags=["=2", "b"])
    columns = [Column("id", "Id"), Column("created_by", "By"), Column("tags", "Tags"), Column("state", "State")]
    assert export(Run.objects.all(), columns) == [[str(run.pk), "'=1+1", "'=2,b", "succeeded"]]


@pytest.mark.django_db
def test_times_are_iso_and_nothing_is_empty(world):
    run = make_run(make_workflow(world.acme), "running")
    columns = [Column("created_at", "Created"), Column("ended_at", "Ended"), Column("hidden", "Hidden", csv=None)]
    shown = [column for column in columns if column.source is not None]
    assert export(Run.objects.all(), shown) == [[f"{run.created_at:%Y-%m-%dT%H:%M:%S.%fZ}", ""]]


@pytest.mark.django_db
def test_filters_that_exclude_every_row_give_the_header_alone(world):
    columns = [Column("id", "Id")]
    assert b"".join(Export(Run.objects.none(), columns).pieces("csv")) == b"id\n"


@pytest.mark.django_db
def test_the_csv_column_may_be_another_field(world):
    make_run(make_workflow(world.acme, "weekly"))
    assert export(Run.objects.all(), [Column("workflow", "Workflow", csv="workflow__name")]) == [["weekly"]]


def until(condition, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def exports_running() -> int:
    return sum(thread.name == "export" for thread in threading.enumerate())


@pytest.mark.django_db(transaction=True)
def test_it_streams_over_asgi_under_the_projects_name(world):
    make_runs(make_workflow(world.acme), 3)
    session = world.client("vera").cookies["sessionid"].value

    async def download():
        client = AsyncClient()
        client.cookies["sessionid"] = session
        response = await client.get("/p/acme/runs/?export=csv")
        return response, b"".join([piece async for piece in response.streaming_content])

    response, body = async_to_sync(download)()
    assert response["Content-Disposition"].startswith('attachment; filename="acme-runs-20')
    assert len(body.decode().splitlines()) == 4
    until(lambda: not exports_running())


@pytest.mark.django_db(transaction=True)
def test_a_reader_who_leaves_takes_no_connection_along(world):
    ended = threading.Event()

    def pieces():
        try:
            while True:
                yield b"x" * 1000
        finally:
            ended.set()

    async def leave_early():
        stream = Stream(pieces())
        async for _ in stream:
            break
        stream.close()

    async_to_sync(leave_early)()
    until(lambda: not exports_running())
    assert ended.is_set()


@pytest.mark.django_db(transaction=True)
def test_a_reader_who_lags_holds_no_connection_and_gets_every_piece(world):
    ended = threading.Event()

    def pieces():
        try:
            for number in range(1000):
                yield f"{number}\n".encode()
        finally:
            ended.set()

    async def read_slowly():
        reader = aiter(Stream(pieces()))
        read = [await anext(reader)]
        while not ended.is_set():
            await asyncio.sleep(0.002)
        return read + [piece async for piece in reader]

    assert async_to_sync(read_slowly)() == [f"{number}\n".encode() for number in range(1000)]
    until(lambda: not exports_running())


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_a_slow_reader_is_bounded(world, monkeypatch):
    monkeypatch.setattr(streaming, "AHEAD_BYTES", 50)
    made = []

    def pieces():
        for number in range(100):
            made.append(number)
            yield b"0123456789"

    async def read_slowly():
        ahead, read = 0, 0
        async for _ in Stream(pieces()):
            read += 1
            await asyncio.sleep(0.002)
            ahead = max(ahead, len(made) - read)
        return read, ahead

    read, ahead = async_to_sync(read_slowly)()
    assert read == 100
    assert ahead <= 8


@pytest.mark.django_db(transaction=True)
def test_a_failing_statement_breaks_the_download_instead_of_ending_it_early(world):
    broken = Column("id", "Id", csv=Value(1) / (F("id") - make_run(make_workflow(world.acme)).pk))

    async def download():
        return [piece async for piece in Stream(Export(Run.objects.all(), [broken]).pieces("csv"))]

    with pytest.raises(Exception, match="division by zero"):
        async_to_sync(download)()
    until(lambda: not exports_running())


@pytest.mark.django_db(transaction=True)
def test_more_exports_than_slots_are_refused(world):
    async def hold_all():
        endless = [Stream(iter_forever()) for _ in range(streaming.STREAMS_AT_ONCE)]
        readers = [aiter(stream) for stream in endless]
        for reader in readers:
            await anext(reader)
        try:
            with pytest.raises(Unavailable):
                Stream(iter_forever())
        finally:
            for stream in endless:
                stream.close()

    def iter_forever():
        while True:
            yield b"x"

    async_to_sync(hold_all)()
    until(lambda: not exports_running())
