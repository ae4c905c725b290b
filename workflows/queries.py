"""Questions about specifications that need the project around them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.projects.models import Project
from workflows.library.dependencies import circle_through, uses_by_step
from workflows.library.project_catalogue import ProjectCatalogue
from workflows.models import Workflow
from workflows.specification.language import Document, Spec, parse, validate

# Valid in any project, so that a new workflow can be released and run at once.
STARTING_TEXT = """\
# What a run asks for, as JSON Schema.
params:
  type: object
  properties:
    name: {type: string, default: world}

# Each step says what it uses; `needs` puts it after others.
steps:
  - key: greet
    uses: transform
    with:
      text: Hello ${{ params.name }}!

  - key: pause
    uses: wait
    needs: [greet]
    with: {seconds: 1}

# What the run gives back.
outputs:
  text: ${{ steps.greet.output.text }}
"""
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class Checked:
    """`spec` when the text may be released, else what is wrong with it; `document` as far as it could be read."""

    document: Document | None
    spec: Spec | None
    errors: list[FieldError]


def check_text(text: str, *, project: Project, workflow: Workflow | None = None) -> Checked:
    """Everything that is wrong with `text`, each at its line; with `workflow`, also whether it would call itself."""
    document = None
    try:
        document = read_text(text)
        spec = validate(document, catalogue=ProjectCatalogue(project))
        if workflow is not None:
            refuse_circle(workflow, document)
    except InvalidInput as error:
        return Checked(document, None, error.errors or [FieldError("", error.detail)])
    return Checked(document, spec, [])


def read_text(text: str) -> Document:
    """The document in `text`, perhaps wrong in meaning. Raises InvalidInput when it cannot be read or kept."""
    document = parse(text)
    refuse_unstorable(text, "specification")
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        raise InvalidInput.field("specification", "The specification holds a number that JSON cannot hold.", "range")
    for part in strings_in(document):
        refuse_unstorable(part, "specification")
    return document


def refuse_unstorable(text: str, field: str) -> None:
    """Raises InvalidInput for what PostgreSQL cannot hold: NUL, and half characters."""
    if UNSTORABLE.search(text):
        raise InvalidInput.field(field, "This text holds characters that cannot be stored.")


def strings_in(value: Any) -> Iterator[str]:
    """Every string of a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield key
            yield from strings_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings_in(part)


def refuse_circle(workflow: Workflow, document: Document) -> None:
    circle = circle_through(workflow, document)
    if not circle:
        return
    message = f"The workflows would start each other without end: {' → '.join(circle)}."
    index = next(index for index, use in uses_by_step(document) if use.startswith("workflow:"))
    field = f"steps[{index}].uses"
    raise InvalidInput(message, errors=[FieldError(field, message, "circle", document.lines.get(field))])
