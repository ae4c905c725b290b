"""One declaration of a list's filters serves its page, API, export and bulk actions."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property, reduce
from operator import or_
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field

from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.listing.declaration.fields import VALUES_LIMIT, MomentField, Values, ValuesField, is_id
from controlplane.listing.declaration.moments import Moment
from controlplane.listing.declaration.periods import Period
from controlplane.projects.models import Project

LIST = {"type": "array", "items": {"type": "string"}}
# A menu with more entries than this helps nobody; other names can still be given in the URL.
OPTIONS_LIMIT = 200
# So many rows are looked through for the tags of the menu.
TAGGED_ROWS = 500


class ListFilter(django_filters.Filter):
    """`primary` filters stand in the row beside the search; the others behind “More filters”."""

    def __init__(self, *args: Any, primary: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.primary = primary

    def chips(self, value: Any) -> Iterator[tuple[str, str]]:
        """(raw, shown) of each value that is active."""
        yield str(value), str(value)


@extend_schema_field(LIST)
class ValuesFilter(ListFilter):
    """Matches any of the values given. `takes_others`: also values that the menu does not have."""

    field_class = ValuesField
    takes_others = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, check=self.check, **kwargs)

    def check(self, word: str) -> Any:
        return word

    def filter(self, queryset: QuerySet, values: list[Any]) -> QuerySet:
        return queryset.filter(**{f"{self.field_name}__in": values}) if values else queryset

    def options(self) -> list[tuple[str, str]]:
        """(value, label) for the page's menu."""
        return []

    def selected(self, values: list[Any]) -> set[str]:
        """The values of those options that are on."""
        return {str(value) for value in values}

    def chips(self, value: list[Any]) -> Iterator[tuple[str, str]]:
        yield from ((str(one), str(one)) for one in value)


class ChoicesFilter(ValuesFilter):
    """Any of fixed words. `aliases` are other spellings that are accepted."""

    def __init__(self, *args: Any, choices: list[tuple[str, str]], aliases: Mapping[str, str] | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.choices, self.aliases = dict(choices), aliases or {}

    def check(self, word: str) -> str:
        word = self.aliases.get(word, word)
        if word not in self.choices:
            raise ValidationError(f"“{word}” is not one of {', '.join(self.choices)}.")
        return word

    def options(self) -> list[tuple[str, str]]:
        return list(self.choices.items())

    def chips(self, value: list[str]) -> Iterator[tuple[str, str]]:
        yield from ((word, self.choices[word]) for word in value)


class RelatedFilter(ValuesFilter):
    """Rows that belong to any of some others, given by id or name.

    `related(who)` is the queryset of those that `who` may see; `name_field` what they are called by.
    """

    def __init__(self, *args: Any, related: Callable[[Any], QuerySet], name_field: str = "name", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.related, self.name_field = related, name_field

    @cached_property
    def _seen(self) -> QuerySet:
        return self.related(self.parent.who).order_by(self.name_field)

    @cached_property
    def _found(self) -> dict[str, list[tuple[int, str]]]:
        """What was asked for -> (id, name) of those it means: names need not be unique across projects."""
        words = Values().value_from_datadict(self.parent.data, None, self.parent.name_of(self))[: VALUES_LIMIT + 1]
        words = [word for word in words if "\x00" not in word]
        ids = [int(word) for word in words if is_id(word)]
        rows = self._seen.filter(Q(pk__in=ids) | Q(**{f"{self.name_field}__in": words}))
        found: dict[str, list[tuple[int, str]]] = {}
        for pk, name in rows.values_list("pk", self.name_field):
            for word in {str(pk), name}.intersection(words):
                found.setdefault(word, []).append((pk, name))
        return found

    def check(self, word: str) -> str:
        if word not in self._found:
            raise ValidationError(f"There is no {str(self.label).lower()} “{word}”.")
        return word

    def filter(self, queryset: QuerySet, values: list[str]) -> QuerySet:
        return queryset.filter(**{f"{self.field_name}__in": self.ids_of(values)}) if values else queryset

    def ids_of(self, values: list[str]) -> list[int]:
        return sorted({pk for word in values for pk, _ in self._found[word]})

    def options(self) -> list[tuple[str, str]]:
        return [(name, name) for name in self._seen.values_list(self.name_field, flat=True)[:OPTIONS_LIMIT]]

    def selected(self, values: list[str]) -> set[str]:
        return {name for word in values for _, name in self._found[word]}

    def chips(self, value: list[str]) -> Iterator[tuple[str, str]]:
        yield from ((word, self._found[word][0][1]) for word in value)


class TagsFilter(ValuesFilter):
    """Rows whose array has all of the tags. The menu has those of the first rows of the model's own order."""

    takes_others = True

    def options(self) -> list[tuple[str, str]]:
        queryset = self.parent.queryset
        rows = queryset.order_by(*queryset.model._meta.ordering).values_list(self.field_name, flat=True)
        return [(tag, tag) for tag in sorted({tag for tags in rows[:TAGGED_ROWS] for tag in tags})[:OPTIONS_LIMIT]]

    def filter(self, queryset: QuerySet, values: list[str]) -> QuerySet:
        return queryset.filter(**{f"{self.field_name}__contains": values}) if values else queryset


class YesNoFilter(ChoicesFilter):
    """A boolean as the words yes and no (true and false are accepted)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        aliases = {"true": "yes", "false": "no", "1": "yes", "0": "no"}
        super().__init__(*args, choices=[("yes", "Yes"), ("no", "No")], aliases=aliases, **kwargs)

    def filter(self, queryset: QuerySet, values: list[str]) -> QuerySet:
        return super().filter(queryset, [word == "yes" for word in values])


@extend_schema_field({"type": "string"})
class SearchFilter(ListFilter):
    """Free text over some lookups, such as `["name__icontains"]`; a number also finds the id."""

    field_class = forms.CharField

    def __init__(self, lookups: list[str], *, label: str = "Search", hint: str = "Search", **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"type": "search", "placeholder": hint})
        super().__init__(label=label, max_length=200, widget=widget, **kwargs)
        self.lookups = lookups

    def filter(self, queryset: QuerySet, text: str) -> QuerySet:
        return queryset.filter(self.condition(text)) if text else queryset

    def condition(self, text: str) -> Q:
        conditions = [Q(**{lookup: text}) for lookup in self.lookups]
        number = text.removeprefix("#")
        return reduce(or_, [*conditions, Q(pk=int(number))] if is_id(number) else conditions, Q())


@extend_schema_field({"type": "string", "description": "ISO 8601, or relative such as -24h or start_of(week)-1d"})
class MomentFilter(ListFilter):
    field_class = MomentField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        attrs = {"placeholder": "2026-01-31 or -24h", "autocomplete": "off", "data-whole": ""}
        super().__init__(*args, max_length=60, widget=forms.TextInput(attrs=attrs), **kwargs)


class SinceFilter(MomentFilter):
    """At or after a moment; a day from its start in the project's time zone.

    With an UntilFilter of the same field it is one period, which people know as `period`.
    """

    def __init__(self, *args: Any, period: str = "Time", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.period = period

    def filter(self, queryset: QuerySet, value: Moment | None) -> QuerySet:
        if value is None:
            return queryset
        return queryset.filter(**{f"{self.field_name}__gte": value.start(self.parent.zone, self.parent.now)})


class UntilFilter(MomentFilter):
    """Before a moment; a day including all of it."""

    def filter(self, queryset: QuerySet, value: Moment | None) -> QuerySet:
        if value is None:
            return queryset
        return queryset.filter(**{f"{self.field_name}__lt": value.end(self.parent.zone, self.parent.now)})


@dataclass(frozen=True)
class Chip:
    """An active filter's value as people read it; without it, the parameters in `left` have those values."""

    label: str
    shown: str
    left: dict[str, list[str]]


class ListFilterSet(django_filters.FilterSet):
    """The base of every list's filters. `who` (Actor or Access) is who asks; `project` gives the time zone."""

    def __init__(
        self, data=None, queryset=None, *, who: Any = None, project: Project | None = None, request=None, prefix=None
    ) -> None:
        super().__init__(QueryDict() if data is None else data, queryset, request=request, prefix=prefix)
        self.who, self.project = who, project

    @cached_property
    def zone(self) -> tzinfo:
        return zoneinfo.ZoneInfo(self.project.time_zone if self.project else "UTC")

    @cached_property
    def now(self) -> datetime:
        return timezone.now()

    def name_of(self, one: django_filters.Filter) -> str:
        return next(name for name, known in self.filters.items() if known is one)

    def field_errors(self) -> list[FieldError]:
        """What is wrong with the values given, by field."""
        return [FieldError(name, message) for name, messages in self.errors.items() for message in map(str, messages)]

    def matching(self) -> QuerySet:
        """The rows that match. Raises InvalidInput when a value is wrong: a filter is never left out in silence."""
        self.refuse_errors()
        return self.qs

    def matching_without(self, name: str) -> QuerySet:
        """The rows that match all filters but one. Raises InvalidInput."""
        if not self.value(name):
            return self.matching()
        self.refuse_errors()
        rows = self.queryset.all()
        for other, value in self.form.cleaned_data.items():
            rows = rows if other == name else self.filters[other].filter(rows, value)
        return rows

    def refuse_errors(self) -> None:
        errors = self.field_errors()
        if errors:
            raise InvalidInput(errors[0].message, errors=errors)

    @cached_property
    def period(self) -> Period | None:
        """The span of time that the list can be narrowed to, with what is asked for."""
        sinces = {one.field_name: (name, one) for name, one in self.filters.items() if isinstance(one, SinceFilter)}
        untils = {one.field_name: name for name, one in self.filters.items() if isinstance(one, UntilFilter)}
        for field_name, (since, one) in sinces.items():
            if field_name in untils:
                until = untils[field_name]
                return Period(one.period, since, until, self.value(since), self.value(until), self.zone, self.now)
        return None

    def value(self, name: str) -> Any:
        """What was given, cleaned; None when it is wrong."""
        return None if self.errors.get(name) else self.form.cleaned_data.get(name)

    def chips(self) -> list[Chip]:
        """Every valid value that narrows the list; a period is one."""
        period = self.period
        others = [name for name in self.filters if period is None or name not in period.names]
        chips = [chip for name in others for chip in self.chips_of(name)]
        if period is not None and period.is_given:
            chips.append(Chip(period.label, period.in_full, {name: [] for name in period.names}))
        return chips

    def chips_of(self, name: str) -> list[Chip]:
        one, value = self.filters[name], self.value(name)
        pairs = list(one.chips(value)) if value else []
        return [Chip(str(one.label), shown, {name: [raw for raw, _ in pairs if raw != own]}) for own, shown in pairs]
