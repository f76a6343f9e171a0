"""Errors as RFC 9457 says them: `application/problem+json`; a page where a browser asks for one."""

from __future__ import annotations

import http
import traceback
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from pipeline.errors import BadInput, LedgermillError, Unavailable
from storage.sql import SqlError

MEDIA_TYPE = "application/problem+json"

_MISSING = ("no such", "there is none", "not yet read", "not in the object")
"""How the reasons of what is not there begin."""

_log = structlog.get_logger()


class Problem(Exception):
    """What is answered in place of a result; `more` are members of the problem's own."""

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more


class ProblemDetails(BaseModel):
    """The body of every answer that is not a result (RFC 9457)."""

    type: str = Field(default="about:blank", description="`about:blank`: the status says it all.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="What is wrong and what to do, in one line.")


_SAID = {
    400: "The request makes no sense as it stands.",
    401: "Nobody is signed in, or the token is not good.",
    403: "The role does not suffice, or a form came without its CSRF token.",
    404: "There is no such thing.",
    406: "None of the formats asked for can be given.",
    409: "Somebody else has changed it meanwhile.",
    412: "It is no longer what `If-Match` names.",
    413: "The request is larger than allowed.",
    415: "The body is of another type than expected.",
    422: "A parameter or the body is not as described.",
    428: "`If-Match` is missing.",
    429: "Too many requests; see `Retry-After`.",
    503: "A service is away or busy; see `Retry-After`.",
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problems that an endpoint may answer with, for its OpenAPI description."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {
        status: {"description": _SAID[status], "content": content}
        for status in sorted({400, 401, 403, 404, 413, 422, 429, 503, *statuses})
    }


def install(app: FastAPI) -> None:
    """Have every error of the application answered as a problem."""
    app.add_exception_handler(Problem, _answer)
    app.add_exception_handler(HTTPException, _answer)
    app.add_exception_handler(RequestValidationError, _answer)
    app.add_exception_handler(LedgermillError, _answer)
    app.add_exception_handler(DataError, _answer)
    app.add_exception_handler(UnicodeEncodeError, _answer)
    app.add_exception_handler(Exception, _answer)


def answer(request: Request, problem: Problem) -> Response:
    """Return the answer that a problem makes: JSON, or for a browser's page a page."""
    headers = dict(problem.headers)
    title = http.HTTPStatus(problem.status).phrase
    if _wants_page(request):
        if problem.status == 401 and request.method == "GET":
            return RedirectResponse(_sign_in(request), 303)
        from web.templating import render  # which knows the pages, which know the problems

        return render(
            request,
            "problem.html",
            {"title": title, "status": problem.status, "detail": problem.detail},
            status=problem.status,
            headers=headers,
        )
    body = {
        "type": "about:blank",
        "title": title,
        "status": problem.status,
        "detail": problem.detail,
        **problem.more,
    }
    return JSONResponse(body, problem.status, headers, MEDIA_TYPE)


async def _answer(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    if problem.status == 405:
        problem.headers["allow"] = ", ".join(_methods(request))
    return answer(request, problem)


def _methods(request: Request) -> list[str]:
    """Return what may be done with a path: the router names the methods of one route of it only."""
    found: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.path is not None and compile_path(route.path)[0].match(request.url.path):
            found |= route.methods or set()
    return sorted(found)


def problem_of(error: Exception) -> Problem:
    """Return the problem that an error is; one nobody expected is logged and says nothing."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            errors = [
                {"at": ".".join(map(str, each["loc"])), "detail": str(each["msg"])}
                for each in error.errors()
            ]
            return Problem(422, f"{place}: {first['msg']}", errors=errors)
        case HTTPException():
            return Problem(error.status_code, str(error.detail), error.headers)
        case SqlError():
            return Problem(400, str(error))
        case BadInput():
            missing = error.reason.startswith(_MISSING)
            return Problem(404 if missing else 422, str(error))
        case Unavailable():
            return Problem(503, str(error), {"Retry-After": "5"})
        case LedgermillError():
            return Problem(422, str(error))
        case DataError() | UnicodeEncodeError():
            return Problem(422, "a text or number is none that the database can hold; write others")
    _log.error("web.error", trace="".join(traceback.format_exception(error)))
    return Problem(500, "an error of the server's own; it is in the server's log")


def _wants_page(request: Request) -> bool:
    if request.url.path.startswith(("/api/", "/iiif/", "/recognize")):
        return False
    return "text/html" in request.headers.get("accept", "")


def _sign_in(request: Request) -> str:
    from urllib.parse import urlencode

    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/sign-in?{urlencode({'next': path})}"
