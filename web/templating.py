"""Pages from templates, Jinja2, everything escaped; and the files that these load."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import Response
from starlette.types import Scope

from pipeline.version import CODE_VERSION

FOLDER = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
_YEAR = 365 * 24 * 3600


def _digest(*folders: Path) -> str:
    digest = hashlib.sha256(CODE_VERSION.encode())
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


BUILD = _digest(FOLDER, STATIC)
"""Changes with whatever pages are made of and load."""


def static(name: str) -> str:
    """Return the address of a file of `STATIC`, one that will never stand for another."""
    return f"/static/{BUILD}/{name}"


class Static(StaticFiles):
    """Files of `STATIC`, below any build: a page of before an upgrade loads what there is now."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        build, _, rest = path.partition("/")
        named = re.fullmatch(r"[0-9a-f]{12}", build) is not None
        response = await super().get_response(rest if named else path, scope)
        if build == BUILD:
            response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
        return response


environment = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.globals["static"] = static
_templates = Jinja2Templates(env=environment)


def render(
    request: Request,
    name: str,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the page of a template.

    Besides `context` a template knows `request`, `principal` (None where nobody is signed in) and
    `csrf`, which every form sends as the field `csrf` and htmx as the header `X-CSRF-Token`.
    """
    principal = getattr(request.state, "principal", None)
    known = {"principal": principal, "csrf": principal.csrf if principal else "", **(context or {})}
    return _templates.TemplateResponse(request, name, known, status, headers)
