"""What every verb here asks of what it is given."""

from __future__ import annotations

from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db import models

from controlplane.domain.action import ROLES
from controlplane.domain.errors import Conflict, FieldError, InvalidInput, NotFound
from controlplane.projects.models import (
    Project,
)

Row = TypeVar("Row", bound=models.Model)


def one_at_a_time(project: Project) -> Project:
    """As it is now, after the others who change it or who is in it. What only refers to it goes on meanwhile."""
    now = Project.objects.select_for_update(no_key=True).filter(pk=project.pk).first()
    if now is None:
        raise NotFound("There is no such project.")
    return now


def known_role(role: str) -> None:
    """Raises InvalidInput."""
    if role not in ROLES:
        raise InvalidInput.field("role", f"Choose one of {', '.join(ROLES)}.")


def checked(row: Row) -> Row:
    """`row` when its fields fit; else raises InvalidInput naming each that does not."""
    try:
        row.clean_fields(exclude=[field.name for field in row._meta.fields if field.is_relation])
    except ValidationError as error:
        errors = [FieldError(name, text) for name, texts in error.message_dict.items() for text in texts]
        raise InvalidInput(errors[0].message, errors=errors) from error
    return row


def taken(field: str, message: str) -> Conflict:
    return Conflict(message, errors=[FieldError(field, message, "taken")])
