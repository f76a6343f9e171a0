"""`search`, `sql`: what has been read, found again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.database import connected
from workers.cli.output import complain, console, print_json, print_table

if TYPE_CHECKING:
    from storage.search import Hit
    from storage.sql import Answer

app = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def search(
    query: Annotated[str, typer.Argument(help='Words, "a phrase", one or other, -not; a number.')],
    fuzzy: Annotated[bool, typer.Option("--fuzzy", help="Also words spelled nearly so.")] = False,
    collection: Annotated[str | None, typer.Option(help="Only in this collection.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Hits at most.")] = 20,
    json: Json = False,
) -> None:
    """Find lines and cells: where they stand, and how sure their reading is."""
    from storage.search import search as find

    with connected() as connection:
        hits = find(connection, query, fuzzy=fuzzy, collection=collection, limit=limit)
    if json:
        print_json([asdict(hit) for hit in hits])
    elif hits:
        print_table(
            ("page", "place", "text", "confidence", "polygon"),
            (
                (hit.page, _place(hit), hit.text, f"{hit.confidence:.2f}", _corners(hit.polygon))
                for hit in hits
            ),
        )
    else:
        console().print("nothing found" + ("" if fuzzy else "; try --fuzzy"))


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT over the views.")],
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets.")] = False,
) -> None:
    """Answer one read-only SQL statement over the views pages, lines, cells, observations."""
    from storage.sql import ask, reader_url
    from workers.services import ensure
    from workers.settings import settings

    if json and csv:
        raise typer.BadParameter("choose one of --json and --csv")
    chosen = settings()
    url = reader_url(ensure().database_url, chosen.reader_url)
    answer = ask(url, statement, seconds=chosen.sql_seconds, rows=chosen.sql_rows)
    if json:
        print_json([dict(zip(answer.columns, _plain(row), strict=True)) for row in answer.rows])
    elif csv:
        _print_csv(answer)
    else:
        print_table(answer.columns, ([_shown(value) for value in row] for row in answer.rows))
    if answer.cut:
        complain(
            f"sql: only the first {chosen.sql_rows} rows are shown; narrow the statement, or raise "
            "LEDGERMILL_SQL_ROWS"
        )


def _place(hit: Hit) -> str:
    if hit.kind == "line":
        return f"line {hit.number}"
    return f"table {hit.table} row {hit.row} column {hit.column}"


def _corners(polygon: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in polygon)


def _print_csv(answer: Answer) -> None:
    import csv
    import sys

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(["" if v is None else _shown(v) for v in row] for row in answer.rows)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        import json

        return json.dumps(_json_value(value), ensure_ascii=False, default=str)
    return str(value)


def _plain(row: Sequence[Any]) -> list[Any]:
    return [_json_value(value) for value in row]


def _json_value(value: Any) -> Any:
    """Return a value that JSON can hold: it has no NaN, and a decimal is a number there."""
    from decimal import Decimal
    from math import isfinite

    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    return value
