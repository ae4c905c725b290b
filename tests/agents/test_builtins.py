from __future__ import annotations

import math
import threading

import pytest

from agents.builtins.packages import installed_packages
from agents.builtins.vectors import text_embed
from agents.builtins.warehouse import warehouse_load, warehouse_path, warehouse_query
from agents.calls.context import CallContext
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.failures import Failure


@pytest.fixture
def seen() -> list[tuple[int, int]]:
    return []


@pytest.fixture
def context(settings, tmp_path, seen) -> CallContext:
    settings.DATA_DIR = tmp_path
    return CallContext(7, CancelToken(), progress=lambda done, total: seen.append((done, total)))


def test_the_inventory_names_what_is_really_installed(context):
    found = installed_packages({"name_contains": "django"}, context)["packages"]
    django = next(row for row in found if row["name"] == "Django")
    assert django["version"].startswith("5.2")
    assert django["requires"] >= 2
    assert django["files"] > 1000
    assert django["size_bytes"] > 1_000_000
    assert django["license"].startswith("BSD")


def test_the_inventory_names_each_package_once(context):
    names = [row["name"].lower() for row in installed_packages({}, context)["packages"]]
    assert len(names) == len(set(names)) > 20
    assert names == sorted(names)


def test_vectors_are_the_same_everywhere_and_near_for_shared_words(context, seen):
    texts = ["a web framework for python", "a python web framework", "parse cron expressions", "…"]
    vectors = text_embed({"texts": texts}, context)["vectors"]
    assert vectors == text_embed({"texts": texts}, context)["vectors"]
    near, far = (
        math.sumprod(vectors[0], other) if hasattr(math, "sumprod") else dot(vectors[0], other)
        for other in vectors[1:3]
    )
    assert near > 0.7 > far
    assert dot(vectors[0], vectors[0]) == pytest.approx(1, abs=1e-4)
    assert vectors[3] == [0.0] * 64
    assert seen[0] == (4, 4)


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def load(context, rows, table="packages", key=("name",)):
    return warehouse_load({"table": table, "key": list(key), "rows": rows}, context)


def query(context, sql, **params):
    return warehouse_query({"sql": sql, "params": params}, context)["rows"]


def test_loading_twice_replaces_by_key(context, seen):
    first = load(context, [{"name": f"p{n}", "size": n} for n in range(1200)])
    second = load(context, [{"name": "p1", "size": 99, "tags": ["x"]}, {"name": "new"}])
    assert (first["inserted"], second["inserted"], second["total"]) == (1200, 1, 1201)
    assert seen[:3] == [(500, 1200), (1000, 1200), (1200, 1200)]
    assert query(context, "SELECT size, tags FROM packages WHERE name = :name", name="p1") == [[99, '["x"]']]


def test_all_rows_or_none(context):
    load(context, [{"name": "a"}])
    with pytest.raises(Failure, match="Row 1 has no value for its key"):
        load(context, [{"name": "b"}, {"size": 1}])
    assert query(context, "SELECT name FROM packages") == [["a"]]


def test_a_cancel_keeps_nothing(context):
    load(context, [{"name": "a"}])
    token = CancelToken()
    stopping = CallContext(7, token, progress=lambda done, total: token.cancel("cancelled by bob"))
    with pytest.raises(Failure) as caught:
        load(stopping, [{"name": f"b{n}"} for n in range(2000)])
    assert caught.value.kind == "cancelled"
    assert query(context, "SELECT count(*) FROM packages") == [[1]]


def test_another_key_is_refused(context):
    load(context, [{"name": "a", "version": "1"}])
    with pytest.raises(Failure, match="has the key name, not version"):
        load(context, [{"name": "a", "version": "1"}], key=["version"])


def test_two_loads_at_once_both_arrive(context):
    threads = [
        threading.Thread(target=load, args=(context, [{"name": f"{who}{n}"} for n in range(300)])) for who in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert query(context, "SELECT count(*) FROM packages") == [[600]]


def test_a_query_only_reads(context):
    load(context, [{"name": "a"}])
    with pytest.raises(Failure) as caught:
        query(context, "DELETE FROM packages")
    assert caught.value.kind == "sql_refused"


def test_warehouses_of_projects_are_apart(context):
    load(context, [{"name": "a"}])
    other = CallContext(8, CancelToken())
    with pytest.raises(Failure, match="no warehouse"):
        query(other, "SELECT 1")
    assert warehouse_path(7, "warehouse").is_file()
