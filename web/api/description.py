"""The OpenAPI document: who may ask what, and how every answer that is no result looks."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from storage.accounts import Role
from web.problems import ProblemDetails
from web.security.principal import COOKIE

_ABOUT = """\
Whoever asks shows a token, `Authorization: Bearer lm_…`, made by `ledgermill token create` or by an
admin; a browser that is signed in has a cookie, and with whatever is more than a look sends
`X-CSRF-Token`. Each endpoint says as `x-role` what role it is for; a role may do all that those
before it may: reader, corrector, operator, admin.

Lists come in parts: `next` is the cursor of the part behind. What is wrong is answered as
`application/problem+json` (RFC 9457).
"""

_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
}


def install(app: FastAPI) -> None:
    """Have the application describe itself, once it is asked to."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _description(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def role_of(dependant: Dependant) -> Role | None:
    """Return the role that an endpoint asks for; None where it answers anybody."""
    role: Role | None = getattr(dependant.call, "role", None)
    return role or next(filter(None, map(role_of, dependant.dependencies)), None)


def _description(app: FastAPI) -> dict[str, Any]:
    said = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=_ABOUT,
        routes=app.routes,
    )
    components = said.setdefault("components", {})
    components["securitySchemes"] = _SCHEMES
    schemas = components.setdefault("schemas", {})
    schemas["ProblemDetails"] = ProblemDetails.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute):
            continue
        role = role_of(route.dependant)
        for method in route.methods or ():
            operation = said["paths"].get(route.path_format, {}).get(method.lower())
            if operation is not None and role is not None:
                operation["security"] = [{name: []} for name in _SCHEMES]
                operation["x-role"] = role
    return said
