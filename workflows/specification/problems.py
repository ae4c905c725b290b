"""Collecting everything that is wrong, each at its exact path and line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.domain.json_schema import suggestion
from workflows.specification.reading import LONGEST_PATH

ERROR_LIMIT = 200
# Nobody reads on, and a text of a megabyte can hold hundreds of thousands.
ENOUGH = 1_000


class Problems:
    """The list of errors and the few questions every check asks."""

    def __init__(self, lines: Mapping[str, int]) -> None:
        self.lines = lines
        self.errors: list[FieldError] = []

    def add(self, field: str, message: str, code: str = "invalid") -> None:
        """Raises InvalidInput once there are enough of them."""
        self.errors.append(FieldError(field, message, code, self.line_of(field)))
        if len(self.errors) >= ENOUGH:
            self.raise_all()

    def line_of(self, field: str) -> int | None:
        """The line of the field, or of the nearest thing around it that stands in the text."""
        field = field[:LONGEST_PATH]
        while field and field not in self.lines:
            field = field[: max(field.rfind("."), field.rfind("["), 0)]
        return self.lines.get(field)

    def raise_all(self) -> None:
        """Raise InvalidInput when anything was added, in the order of the text."""
        if not self.errors:
            return
        errors = sorted(self.errors, key=lambda error: error.line or 0)[:ERROR_LIMIT]
        more = " or more" if len(self.errors) >= ENOUGH else ""
        rest = f" There are {len(self.errors):,}{more} problems." if len(self.errors) > 1 else ""
        first = errors[0]
        where = f"{first.field}: " if first.field else ""
        raise InvalidInput(f"{where}{first.message}{rest}", errors=errors)

    def unknown_keys(self, value: Mapping[str, Any], known: Collection[str], field: str) -> None:
        for key in value:
            if key not in known:
                hint = suggestion(str(key), list(known)) or f" Known here: {', '.join(known) or 'nothing'}."
                path = f"{field}.{key}" if field else str(key)
                self.add(path, f"There is no {str(key)[:60]!r} here.{hint}", "unknown_key")

    def is_a(self, value: Any, kind: type | tuple[type, ...], words: str, field: str) -> bool:
        """Whether `value` is of `kind`, which `words` names; if not, it is added. True is not an integer."""
        wanted = kind if isinstance(kind, tuple) else (kind,)
        if isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool)):
            return True
        self.add(field, f"This must be {words}.", "type")
        return False

    def in_range(self, value: Any, low: float, high: float, field: str, *, whole: bool = False) -> bool:
        words = f"{'an integer' if whole else 'a number'} from {low:,} to {high:,}"
        if not self.is_a(value, (int,) if whole else (int, float), words, field):
            return False
        if low <= value <= high:
            return True
        self.add(field, f"This must be {words}.", "range")
        return False

    def exists(self, name: str, known: Collection[str], what: str, field: str) -> bool:
        if name in known:
            return True
        hint = suggestion(name, list(known))
        self.add(field, f"There is no {what} named {name[:80]!r} in this project.{hint}", f"unknown_{what}")
        return False
