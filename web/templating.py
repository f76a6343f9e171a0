"""Pages from templates: Jinja2, everything escaped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import Response

FOLDER = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"

environment = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
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
