"""JSON values as PostgreSQL parameters: bigint, numeric, boolean, jsonb and arrays of these, as JSON has them. Text is
whatever the statement makes of it, such as a date. Where the statement does not take these types, as `substr(name, :n)`
takes no bigint, its own description decides: the server is asked, nothing is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import generators
from psycopg.adapt import Buffer, Dumper, PyFormat
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from agents.databases.failures import SqlError
from agents.databases.parameters import Bound

UNKNOWN, BOOL, INT8, INT4, TEXT, JSON, VARCHAR, NUMERIC, JSONB = 0, 16, 20, 23, 25, 114, 1043, 1700, 3802
ARRAYS = {BOOL: 1000, INT4: 1007, TEXT: 1009, INT8: 1016, NUMERIC: 1231}
INTEGERS = (20, 21, 23, 1005, 1007, 1016)
LARGEST_INT4, LARGEST_INT8 = 2**31 - 1, 2**63 - 1
# No such function or operator, or several; no such cast; types that do not meet; no type at all.
OTHER_TYPES_MAY_DO = ("42883", "42725", "42846", "42804", "42P18", "42P08")
UNDETERMINED = ("42P18", "42P08")
PARAMETER = re.compile(r"\$(\d+)")

Types = list[int]


@dataclass(frozen=True)
class Parameter:
    """One value as it is sent: its type, or 0 for what the statement makes of it, and its text; None is NULL."""

    oid: int
    text: str | None


@dataclass(frozen=True)
class Prepared:
    """What the server says of a statement: the type of each parameter; name and type of each column."""

    parameters: Types
    columns: list[tuple[str, int]]


class ParameterDumper(Dumper):
    """Sends a Parameter; psycopg asks one of these for each type."""

    def get_key(self, obj: Parameter, format: PyFormat) -> Any:
        return (self.cls, obj.oid)

    def upgrade(self, obj: Parameter, format: PyFormat) -> ParameterDumper:
        dumper = ParameterDumper(self.cls, self.connection)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: Parameter) -> Buffer | None:
        encoding = self.connection.info.encoding if self.connection else "utf-8"
        return None if obj.text is None else obj.text.encode(encoding)


@dataclass(frozen=True)
class Typed:
    """A statement the server takes: `values` in their order, `columns` with name and type of each."""

    bound: Bound
    values: list[Parameter]
    columns: list[tuple[str, int]]


def typed(database: psycopg.Connection, statements: Iterable[Bound]) -> Typed:
    """The first of `statements`, spellings of the same one, that the server takes with some types.

    Raises psycopg.Error (what is wrong with the first), or `SqlError` for a value that cannot be sent.
    """
    refusals: list[psycopg.Error] = []
    for bound in statements:
        try:
            types, prepared = Trial(database, bound).settled()
        except TypesRefused as refused:
            refusals.append(refused.cause)
            continue
        texts = map(as_text, bound.values, prepared.parameters)
        parts = zip(bound.names, types, texts, strict=True)
        return Typed(bound, [_parameter(database, *part) for part in parts], prepared.columns)
    raise refusals[0]


class TypesRefused(Exception):
    """The server takes the statement with none of the types that were tried."""

    def __init__(self, cause: psycopg.Error) -> None:
        super().__init__(str(cause))
        self.cause = cause


def columns_of(database: psycopg.Connection, sql: str) -> list[tuple[str, int]]:
    """Of a statement without parameters; none for one that returns no rows or that the server does not take."""
    answer = prepare(database, sql)
    return description(database, answer).columns if answer.status == ExecStatus.COMMAND_OK else []


def prepare(database: psycopg.Connection, sql: str, types: Sequence[int] = ()) -> PGresult:
    """The server's answer to `sql`, as its description or an error. It may wait for a lock; other threads go on."""

    def ask() -> Any:
        database.pgconn.send_prepare(b"", sql.encode(database.info.encoding), list(types))
        (answer,) = yield from generators.execute(database.pgconn)
        if answer.status != ExecStatus.COMMAND_OK:
            return answer
        database.pgconn.send_describe_prepared(b"")
        (answer,) = yield from generators.execute(database.pgconn)
        return answer

    return database.wait(ask())


def description(database: psycopg.Connection, answer: PGresult) -> Prepared:
    encoding = database.info.encoding
    return Prepared(
        [answer.param_type(number) for number in range(answer.nparams)],
        [((answer.fname(n) or b"").decode(encoding), answer.ftype(n)) for n in range(answer.nfields)],
    )


class Trial:
    """Finds the types with which the server takes the statement; each try is undone."""

    def __init__(self, database: psycopg.Connection, bound: Bound) -> None:
        self.database, self.sql, self.values = database, bound.sql, bound.values
        # The first is about JSON's own types: that is the one to tell.
        self.errors: list[psycopg.Error] = []
        database.execute("SAVEPOINT types")

    def settled(self) -> tuple[Types, Prepared]:
        """JSON's own types if they do; else others, and as many of JSON's as the statement takes with them."""
        wanted = [of_json(value) for value in self.values]
        if prepared := self.tried(wanted):
            return self.with_arrays(wanted, prepared)
        for others in (_narrow, _unknown, _as_text, _narrow_as_text):
            types = [others(value, oid) for value, oid in zip(self.values, wanted, strict=True)]
            if prepared := self.tried(types):
                return self.with_arrays(*self.improved(types, wanted, prepared))
        raise TypesRefused(self.errors[0])

    def improved(self, types: Types, wanted: Types, prepared: Prepared) -> tuple[Types, Prepared]:
        for number, oid in enumerate(wanted):
            better = [*types[:number], oid, *types[number + 1 :]]
            if better != types and (found := self.tried(better)):
                types, prepared = better, found
        return types, prepared

    def with_arrays(self, types: Types, prepared: Prepared) -> tuple[Types, Prepared]:
        """A list where the statement says nothing, as in `SELECT :names`, is an array of texts, not its spelling."""
        spelled = [
            oid == UNKNOWN and isinstance(value, list) and inferred in (TEXT, VARCHAR)
            for value, oid, inferred in zip(self.values, types, prepared.parameters, strict=True)
        ]
        arrays = [ARRAYS[TEXT] if is_spelled else oid for is_spelled, oid in zip(spelled, types, strict=True)]
        found = self.tried(arrays) if any(spelled) else None
        return (arrays, found) if found else (types, prepared)

    def tried(self, types: Types) -> Prepared | None:
        """Fills in `types` where the server names a parameter that could be anything. Raises psycopg.Error when no
        other types would help."""
        while (answer := prepare(self.database, self.sql, types)).status != ExecStatus.COMMAND_OK:
            error = psycopg.errors.error_from_result(answer, encoding=self.database.info.encoding)
            self.errors.append(error)
            if error.sqlstate not in OTHER_TYPES_MAY_DO:
                raise error
            self.database.execute("ROLLBACK TO SAVEPOINT types")
            if not self._made_text(error, types):
                return None
        return description(self.database, answer)

    def _made_text(self, error: psycopg.Error, types: Types) -> bool:
        named = PARAMETER.search(error.diag.message_primary or "") if error.sqlstate in UNDETERMINED else None
        if named is None or types[number := int(named[1]) - 1] != UNKNOWN:
            return False
        types[number] = _as_text(self.values[number], UNKNOWN)
        return True


def of_json(value: object) -> int:
    """The type of a JSON value; 0 for texts, for null, and for lists that say nothing but what their texts say."""
    if isinstance(value, Mapping):
        return JSONB
    if isinstance(value, list):
        return _of_list(value)
    return _of_scalar(value)


def _of_scalar(value: object) -> int:
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return INT8 if abs(value) <= LARGEST_INT8 else NUMERIC
    return NUMERIC if isinstance(value, float | Decimal) else UNKNOWN


def _of_list(values: list[object]) -> int:
    if any(isinstance(value, Mapping | list) for value in values):
        return JSONB
    kinds = {_of_scalar(value) for value in values if value is not None}
    if kinds == {INT8, NUMERIC}:
        kinds = {NUMERIC}
    return ARRAYS.get(kinds.pop(), UNKNOWN) if len(kinds) == 1 else UNKNOWN


def _unknown(value: object, oid: int) -> int:
    return UNKNOWN


def _narrow(value: object, oid: int) -> int:
    """Most functions take integer, and never bigint."""
    numbers = value if isinstance(value, list) else [value]
    small = oid in (INT8, ARRAYS[INT8]) and all(
        number is None or (isinstance(number, int) and abs(number) <= LARGEST_INT4) for number in numbers
    )
    if not small:
        return oid
    return INT4 if oid == INT8 else ARRAYS[INT4]


def _as_text(value: object, oid: int) -> int:
    """Functions that take anything, such as `format`, need to be told that text is text."""
    if oid != UNKNOWN:
        return oid
    return ARRAYS[TEXT] if isinstance(value, list) else TEXT


def _narrow_as_text(value: object, oid: int) -> int:
    return _as_text(value, _narrow(value, oid))


def as_text(value: object, oid: int) -> str | None:
    """How PostgreSQL reads the value as a parameter that turned out to be of type `oid`."""
    if value is None:
        return None
    if isinstance(value, Mapping) or (isinstance(value, list) and oid in (JSON, JSONB)):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, list):
        return "{" + ",".join(_element(item, oid) for item in value) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    # A list such as [1, 2.0, "3"] may turn out to be one of integers, which know no "2.0".
    return str(int(value)) if oid in INTEGERS and isinstance(value, float) and value.is_integer() else str(value)


def _element(value: object, oid: int) -> str:
    text = as_text(value, oid)
    if text is None or isinstance(value, list):
        return text or "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _parameter(database: psycopg.Connection, name: str, oid: int, text: str | None) -> Parameter:
    """Refuses what would reach the server as something else: a NUL ends a text there, unseen."""
    if text and "\x00" in text:
        raise SqlError(f"The value of :{name} holds a NUL character, which PostgreSQL cannot keep.")
    try:
        (text or "").encode(database.info.encoding)
    except UnicodeEncodeError as error:
        raise SqlError(f"The value of :{name} holds a character that the database does not know.") from error
    return Parameter(oid, text)
