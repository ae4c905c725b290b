"""What the OpenAPI document says beyond what the endpoints' signatures tell: sign-in, lists, problems, repeats."""

from __future__ import annotations

from threading import Lock
from typing import Any, ClassVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

PROBLEM = {
    "type": "object",
    "description": "RFC 9457: why a request was refused.",
    "required": ["type", "title", "status", "detail", "code", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence for a person."},
        "code": {"type": "string", "description": "Stable, for programs."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message", "code"],
                "properties": {
                    "field": {"type": "string", "description": "A path such as `inputs.days` or `steps[2].with`."},
                    "message": {"type": "string"},
                    "code": {"type": "string"},
                    "line": {"type": "integer", "description": "Of a specification's text."},
                },
            },
        },
    },
}
REFUSED = {
    "description": "Refused: see the guide for what each status means.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
KEY = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description="Sent again, it makes nothing new.")
ADDRESS = {"type": "string", "format": "uri", "nullable": True}


class Generator(SchemaGenerator):
    """Makes the document once a process: drf-spectacular loads its extensions in place, and two threads tear them."""

    making = Lock()
    made: ClassVar[dict[str, Any] | None] = None

    def get_schema(self, request: Any = None, public: bool = False) -> dict[str, Any]:
        with Generator.making:
            if Generator.made is None:
                Generator.made = super().get_schema(None, public=True)
        return Generator.made


class Description(AutoSchema):
    """How an Endpoint is described. Every operation may answer a Problem."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation:
            operation["responses"]["default"] = REFUSED
        return operation

    def get_operation_id(self) -> str:
        """`GET /runs/{id}/steps` -> `get_runs_id_steps`: as unique as method and path are."""
        words = [word.strip("{}").replace(".", "_") for word in self.path.split("/")[3:] if word]
        return "_".join([self.method.lower(), *words])

    def get_tags(self) -> list[str]:
        return [self.path.split("/")[3].removesuffix(".csv")]

    @property
    def endpoint(self) -> Any:
        """The view, which is one of ours."""
        return self.view

    def get_override_parameters(self) -> list[Any]:
        declared: list[Any] = list(super().get_override_parameters())
        if getattr(getattr(self.view, self.method.lower(), None), "is_idempotent", False):
            declared.append(KEY)
        return declared + (self.endpoint.described_parameters() if self.method == "GET" else [])

    def get_response_serializers(self) -> Any:
        if self.method != "GET" or not hasattr(self.view, "listing"):
            return super().get_response_serializers()
        if self.path.endswith(".csv"):
            return {(200, "text/csv"): str}
        return self.endpoint.serializer_class(many=True)

    def _get_response_for_code(self, serializer: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """A list is never bare: it stands in `results`."""
        response = super()._get_response_for_code(serializer, *args, **kwargs)
        for content in response.get("content", {}).values():
            if content["schema"].get("type") == "array":
                content["schema"] = self.in_page(content["schema"])
        return response

    def in_page(self, rows: dict[str, Any]) -> dict[str, Any]:
        properties = {"results": rows, "next": ADDRESS, "previous": ADDRESS}
        return {"type": "object", "required": list(properties), "properties": properties}


def with_problem(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: adds the schema that every refusal refers to."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    return result


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "controlplane.projects.tokens.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token of one project, `sp_…`."}


class JwtScheme(OpenApiAuthenticationExtension):
    target_class = "controlplane.projects.tokens.authentication.JWTAuthentication"
    name = "jwt"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        description = "`access` from POST /auth/token."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description}


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "controlplane.projects.tokens.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "The browser's session."}
