"""A workflow as one JSON document, to be kept elsewhere and brought into the same or another project."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import islice
from typing import Any

from rest_framework.exceptions import ParseError

from controlplane.domain.errors import FieldError, InvalidInput
from controlplane.domain.json_schema import depth_of, suggestion
from controlplane.projects.requests.parsing import StrictJSONParser
from workflows.models import Version
from workflows.specification.language import parse
from workflows.specification.problems import ERROR_LIMIT
from workflows.specification.reading import DEPTH_LIMIT

FORMAT = "spark-ops/workflow/1"
FIELDS = ("format", "name", "description", "tags", "note", "specification", "text")


@dataclass(frozen=True)
class Definition:
    """What a document says; `text` is the specification as it was typed."""

    name: str
    description: str
    tags: list[str]
    note: str
    text: str


def document_of(version: Version) -> dict[str, Any]:
    """`specification` is what it says, `text` how it was typed, where that is more: YAML may have comments."""
    workflow = version.workflow
    document = {
        "format": FORMAT,
        "name": workflow.name,
        "description": workflow.description,
        "tags": workflow.tags,
        "note": version.note,
        "specification": version.specification,
    }
    return {**document, "text": version.text} if version.format == "yaml" and version.text else document


def read_json(body: bytes) -> Any:
    """The value in a file, read as strictly as a request's body. Raises InvalidInput."""
    try:
        return StrictJSONParser().parse(BytesIO(body))
    except ParseError as error:
        raise InvalidInput.field("document", str(error.detail), "syntax") from error


def read_definition(document: Any) -> Definition:
    """Raises InvalidInput naming every field that is wrong, missing or unknown."""
    if not isinstance(document, Mapping):
        raise InvalidInput.field("document", "An exported workflow is a JSON object.", "type")
    errors = [replace(error, field=f"document.{error.field}") for error in islice(faults_of(document), ERROR_LIMIT)]
    if errors:
        raise InvalidInput(errors[0].message, errors=errors)
    texts = {name: document.get(name, "") for name in ("name", "description", "note")}
    return Definition(**texts, tags=list(document.get("tags", [])), text=text_of(document))


def faults_of(document: Mapping[str, Any]) -> Iterable[FieldError]:
    if document.get("format") != FORMAT:
        yield FieldError("format", f"An exported workflow says “format”: “{FORMAT}”.", "format")
    for name in document:
        if name not in FIELDS:
            yield FieldError(str(name)[:100], f"There is no such field.{suggestion(str(name), FIELDS)}", "unknown")
    for name in ("name", "description", "note", "text"):
        if not isinstance(document.get(name, ""), str) and (name, document[name]) != ("text", None):
            yield FieldError(name, "This must be text.", "type")
    tags = document.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        yield FieldError("tags", "This must be a list of texts.", "type")
    yield from faults_of_specification(document.get("specification"), document.get("text"))


def faults_of_specification(specification: Any, text: Any) -> Iterable[FieldError]:
    if specification is None and text is None:
        yield FieldError("specification", "This field is required.", "required")
    elif specification is not None and not isinstance(specification, Mapping):
        yield FieldError("specification", "A specification is an object.", "type")
    elif depth_of(specification) > DEPTH_LIMIT:
        yield FieldError("specification", f"It is nested more than {DEPTH_LIMIT} levels deep.", "too_deep")


def text_of(document: Mapping[str, Any]) -> str:
    """As typed, when it says the same as `specification`. Raises InvalidInput when it does not."""
    specification, text = document.get("specification"), document.get("text")
    if text is None:
        return json.dumps(specification, indent=2, ensure_ascii=False)
    if specification is not None and dict(parse(text)) != specification:
        message = "“text” and “specification” say different things. Remove the one that is out of date."
        raise InvalidInput.field("document.text", message, "contradiction")
    return text
