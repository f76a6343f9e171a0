"""Read-only SQL over the published views."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from storage.sql import ask
from web.lanes import slowly
from web.problems import Problem, responses
from web.security import rates
from web.security.principal import Reader
from web.site import TheSite

router = APIRouter(tags=["search"])


class Statement(BaseModel):
    """One SELECT over the views pages, lines, regions, cells and observations."""

    statement: str = Field(min_length=1, max_length=100_000)


class SqlAnswer(BaseModel):
    """The rows of an answer; `cut` says that there were more than allowed."""

    columns: list[str]
    rows: list[list[Any]]
    cut: bool


@router.post("/sql", responses=responses(400))
@slowly
def ask_sql(site: TheSite, who: Reader, asked: Statement) -> SqlAnswer:
    """Answer one read-only statement, within limits of time and rows."""
    if who.name is None:
        raise Problem(401, "SQL is for those who are signed in")
    rates.count_costly(site, who)
    chosen = site.settings
    answer = ask(site.reader_url, asked.statement, seconds=chosen.sql_seconds, rows=chosen.sql_rows)
    return SqlAnswer(
        columns=list(answer.columns),
        rows=[[_plain(value) for value in row] for row in answer.rows],
        cut=answer.cut,
    )


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what JSON has no form for as Postgres writes it."""
    if isinstance(value, bool | int | str | None):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return str(value)
