"""The workflow language: read a text, validate a document against what exists, use it as typed values."""

from workflows.specification.catalogue import Catalogue, StaticCatalogue
from workflows.specification.checking import validate
from workflows.specification.model import Retry, Spec, Step
from workflows.specification.reading import Document, format_of, parse

__all__ = ["Catalogue", "Document", "Retry", "Spec", "StaticCatalogue", "Step", "format_of", "parse", "validate"]
