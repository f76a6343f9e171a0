"""The SQL notebook: one read-only statement over the published views, and its answer as a file."""

from __future__ import annotations

import csv
import io
import json
import time
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from pipeline.errors import LedgermillError
from storage.sql import Answer, ask
from web.lanes import slowly
from web.security.principal import Reader
from web.security.rates import count_costly
from web.site import Site, TheSite
from web.templating import render

router = APIRouter()

_SHOWN = 500
"""Rows that the page shows; a file holds all of the answer."""

EXAMPLES = (
    ("The pages, least sure first", "SELECT collection, page, confidence, run\nFROM pages\nORDER BY confidence\nLIMIT 50"),  # noqa: E501
    ("What must add up and does not", "SELECT page_id, page, header, row_label, text, checks\nFROM cells\nWHERE array_to_string(checks, ' ') LIKE '%:fail%'"),  # noqa: E501
    ("How cells stand", "SELECT collection, status, count(*), round(avg(confidence)::numeric, 4) AS mean_confidence\nFROM cells\nGROUP BY 1, 2\nORDER BY 1, 2"),  # noqa: E501
    ("Values in a range", "SELECT page, row_label, header, value, confidence\nFROM cells\nWHERE value BETWEEN 29 AND 31\nLIMIT 100"),  # noqa: E501
    ("Monthly means of what was observed", "SELECT variable, unit, date_trunc('month', date)::date AS month,\n       count(*), round(avg(value)::numeric, 2) AS mean\nFROM observations\nWHERE statistic = 'point'\nGROUP BY 1, 2, 3\nORDER BY 1, 3"),  # noqa: E501
)  # fmt: skip

Statement = Annotated[str, Form(max_length=100_000)]


@router.get("/sql")
def notebook(
    request: Request,
    site: TheSite,
    _who: Reader,
    statement: Annotated[str, Query(max_length=100_000)] = "",
) -> Response:
    """Show the notebook; a statement in the address stands there, unasked."""
    return render(request, "sql.html", _context(site, statement or EXAMPLES[0][1]))


@router.post("/sql")
@slowly
def answer(request: Request, site: TheSite, who: Reader, statement: Statement = "") -> Response:
    """Show the answer to a statement, or what is wrong with it."""
    count_costly(site, who)
    context = _context(site, statement)
    start = time.monotonic()
    try:
        found = _ask(site, statement)
    except LedgermillError as error:
        context["problem"] = str(error)
    else:
        context |= {
            "columns": found.columns,
            "rows": [[_cell(value) for value in row] for row in found.rows[:_SHOWN]],
            "count": len(found.rows),
            "cut": found.cut,
            "seconds": time.monotonic() - start,
        }
    partial = request.headers.get("hx-request") == "true"
    return render(request, "sql_answer.html" if partial else "sql.html", context)


@router.post("/sql/answer.{form}")
@slowly
def download(
    site: TheSite, who: Reader, form: Literal["csv", "parquet"], statement: Statement = ""
) -> Response:
    """Send the whole answer to a statement as a file."""
    count_costly(site, who)
    found = _ask(site, statement)
    data = _csv(found) if form == "csv" else _parquet(found)
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/vnd.apache.parquet"
    name = {"Content-Disposition": f'attachment; filename="answer.{form}"'}
    return Response(data, media_type=kind, headers=name)


def _context(site: Site, statement: str) -> dict[str, Any]:
    return {
        "statement": statement,
        "examples": EXAMPLES,
        "problem": None,
        "columns": None,
        "limit_seconds": site.settings.sql_seconds,
        "limit_rows": site.settings.sql_rows,
    }


def _ask(site: Site, statement: str) -> Answer:
    chosen = site.settings
    return ask(site.reader_url, statement, seconds=chosen.sql_seconds, rows=chosen.sql_rows)


def _cell(value: Any) -> str:
    """Return a value as the page and CSV show it."""
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _csv(found: Answer) -> bytes:
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(found.columns)
    writer.writerows([_cell(value) for value in row] for row in found.rows)
    return written.getvalue().encode("utf-8")


def _parquet(found: Answer) -> bytes:
    columns = [_column([row[i] for row in found.rows]) for i in range(len(found.columns))]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, names=list(found.columns)), sink, compression="zstd")
    return sink.getvalue()


def _column(values: list[Any]) -> Any:
    """Return values as an Arrow array of their type; as text where they have none in common."""
    plain = (bool, int, float, str, date, datetime, timedelta, Decimal, list)
    try:
        if all(value is None or isinstance(value, plain) for value in values):
            return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        pass
    return pa.array([None if value is None else _cell(value) for value in values], pa.string())
