"""The software inventory of this installation."""

from __future__ import annotations

from importlib.metadata import Distribution, PackageMetadata, distributions
from typing import Any

from agents.calls.registry import FunctionContext, function
from controlplane.domain.words import counted

PACKAGES_SCHEMA = {
    "type": "object",
    "properties": {
        "name_contains": {"type": "string", "maxLength": 100, "description": "Only packages with this in their name."}
    },
    "additionalProperties": False,
}
LICENSE_LENGTH = 100


@function("installed-packages", input_schema=PACKAGES_SCHEMA, idempotent=True)
def installed_packages(input: dict[str, Any], context: FunctionContext) -> dict[str, Any]:
    """List the Python packages installed beside the portal: name, version, summary, licence, requirements, size."""
    wanted = input.get("name_contains", "").lower()
    found: dict[str, dict[str, Any]] = {}
    for distribution in distributions():
        context.token.check()
        name = field_of(distribution.metadata, "Name")
        # A package shadowed by another of its name further up the path is not the one in use.
        if name and wanted in name.lower() and name.lower() not in found:
            found[name.lower()] = described(distribution)
    rows = [found[key] for key in sorted(found)]
    context.log("info", f"{counted(len(rows), 'packages')} found")
    return {"packages": rows, "count": len(rows)}


def described(distribution: Distribution) -> dict[str, Any]:
    """`size_bytes` is what the package's own record of its files adds up to."""
    metadata, files = distribution.metadata, distribution.files or []
    return {
        "name": field_of(metadata, "Name"),
        "version": distribution.version,
        "summary": field_of(metadata, "Summary"),
        "license": license_of(distribution),
        "requires": len(distribution.requires or []),
        "files": len(files),
        "size_bytes": sum(file.size or 0 for file in files),
    }


def license_of(distribution: Distribution) -> str:
    """The SPDX expression, else the classifier, else the first line of the licence field."""
    metadata = distribution.metadata
    classifiers = [text for text in metadata.get_all("Classifier") or [] if text.startswith("License ::")]
    classifier = classifiers[0].rpartition(" :: ")[2] if classifiers else ""
    lines = field_of(metadata, "License").strip().splitlines()
    text = field_of(metadata, "License-Expression") or classifier or (lines[0] if lines else "")
    return text[:LICENSE_LENGTH]


def field_of(metadata: PackageMetadata, name: str) -> str:
    """Its first value, empty when there is none."""
    return (metadata.get_all(name) or [""])[0]
