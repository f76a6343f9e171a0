"""`evaluate`: results against ground truth, per page and in total."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import BadInput
from workers.cli.output import complain, print_json

if TYPE_CHECKING:
    from pipeline.evaluation.cells import CellScore
    from pipeline.evaluation.pages import PageScore
    from pipeline.evaluation.trust import Says, Tally, TrustScore

app = typer.Typer()

KINDS = {
    "substitution": "subst.",
    "missing": "missing",
    "insertion": "insert.",
    "combination": "combin.",
    "decomposition": "decomp.",
}
"""The kinds of errors and their heads, short enough for a terminal."""


@app.command()
def evaluate(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="The folder that `digitize --out` wrote, or the JSON lines of `recognize`.",
        ),
    ],
    truth: Annotated[
        Path,
        typer.Option(
            help="Folder of NAME.csv, NAME.table-1.csv, NAME.json, ALTO or PAGE NAME.xml; for "
            "`recognize`, cells.csv or a folder of NAME.txt.",
        ),
    ],
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out pages that have no result.")
    ] = False,
    visible: Annotated[
        Path | None,
        typer.Option(help="CSV (page,columns: 0 2-25) of the columns that photographs show."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs, with every error.")] = False,
) -> None:
    """Compare results with ground truth: values by place, whether checks can be trusted, text.

    Tables: values by their place, TEDS and GriTS; cells: whether what is verified, repaired or
    inferred is right; texts: CER and WER.

    A page without a result counts as entirely wrong, unless --partial is given. Totals are micro
    averages: every character and every value weighs the same.
    """
    for path in (results, truth, *([visible] if visible else [])):
        if not path.exists():
            raise BadInput(str(path), "does not exist", "check the path")
    if results.is_dir():
        _evaluate_pages(results, truth, partial, visible, json)
    else:
        _evaluate_cells(results, truth, partial, json)


def _evaluate_pages(
    results: Path, truth: Path, partial: bool, visible: Path | None, json: bool
) -> None:
    from pipeline.evaluation.pages import read_results, score_pages, total
    from pipeline.evaluation.truth import read_truth, read_visible

    if not truth.is_dir():
        raise BadInput(str(truth), "not a folder", "give the folder of the pages' truth")
    known, readings = read_truth(truth), read_results(results)
    if visible:
        known = read_visible(visible, known)
    without_result = sorted(known.keys() - readings.keys())
    without_truth = sorted(readings.keys() - known.keys())
    if partial:
        known = {name: page for name, page in known.items() if name in readings}
    if not known.keys() & readings.keys():
        raise BadInput(
            str(results), f"none of its pages is in {truth}", "results and truth go by file name"
        )
    scores = score_pages(known, readings)
    whole = total(scores)
    if json:
        print_json(
            {
                "pages": [score.to_json() for score in scores],
                "total": _without_details(whole.to_json()),
                "without_result": without_result,
                "without_truth": without_truth,
            }
        )
        return
    _print_pages(scores, whole)
    if without_result:
        how = "left out" if partial else "counted as wrong"
        complain(f"{_pages(without_result)} without a result, {how}: {_few(without_result)}")
    if without_truth:
        complain(f"{_pages(without_truth)} without truth, not looked at: {_few(without_truth)}")


def _without_details(total: dict[str, Any]) -> dict[str, Any]:
    return {key: total[key] for key in ("text", "tables", "similarity", "trust")}


def _pages(names: list[str]) -> str:
    return "1 page" if len(names) == 1 else f"{len(names)} pages"


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _print_pages(scores: list[PageScore], whole: PageScore) -> None:
    rows = [*scores, whole]
    if whole.table is not None:
        heads = ["values by place", "values", "right", "in place", "aligned", "spurious", "MAE"]
        _print_table(heads, [[_name(row, whole), *_table_columns(row)] for row in rows])
    if whole.similarity is not None:
        heads = ["tables as a whole", "TEDS", "GriTS-Con", "GriTS-Top"]
        _print_table(heads, [[_name(row, whole), *_similarity_columns(row)] for row in rows])
    if whole.trust is not None:
        _print_trust([(_name(row, whole), row.trust) for row in rows])
    if whole.text is not None:
        heads = ["text", "characters", "CER", "WER", *KINDS.values()]
        _print_table(heads, [[_name(row, whole), *_text_columns(row)] for row in rows])


def _name(score: PageScore, whole: PageScore) -> str:
    return score.name if score.read or score is whole else f"{score.name} (no result)"


def _table_columns(score: PageScore) -> list[str]:
    table = score.table
    if table is None:
        return [""] * 6
    return [
        str(table.values),
        str(table.placed),
        _percent(table.accuracy),
        _percent(table.aligned / table.values if table.values else None),
        str(table.spurious),
        "" if table.mae is None else f"{table.mae:.3f}",
    ]


def _similarity_columns(score: PageScore) -> list[str]:
    alike = score.similarity
    if alike is None:
        return [""] * 3
    return [_percent(alike.teds), _percent(alike.con.similarity), _percent(alike.top.similarity)]


def _print_trust(named: list[tuple[str, TrustScore | None]]) -> None:
    """Print how far statuses can be believed, unless nothing was checked."""
    whole = named[-1][1]
    if whole is None or not set(whole.tallies) - {"plain", "rejected"}:
        return
    heads = ["trust", "verified", "precision", "repaired", "damaged", "inferred", "within"]
    _print_table(
        [*heads, "doubtful", "plain"], [[name, *_trust_columns(score)] for name, score in named]
    )


def _trust_columns(trust: TrustScore | None) -> list[str]:
    if trust is None:
        return [""] * 8
    return [
        _percent(trust.coverage),
        _percent(trust.precision),
        _right_of(trust.of("repaired")),
        str(trust.damaged),
        _right_of(trust.of("inferred")),
        f"{trust.within}/{trust.bounded}",
        _right_of(trust.of("doubtful")),
        _right_of(trust.of("plain")),
    ]


def _right_of(tally: Tally) -> str:
    return f"{tally.right}/{tally.right + tally.wrong}"


def _text_columns(score: PageScore) -> list[str]:
    text = score.text
    if text is None:
        return [""] * (3 + len(KINDS))
    rates = [str(text.characters), _percent(text.cer), _percent(text.wer)]
    return [*rates, *(str(getattr(text.kinds, kind)) for kind in KINDS)]


def _evaluate_cells(results: Path, truth: Path, partial: bool, json: bool) -> None:
    from pipeline.evaluation.cells import CellScore, score_cells
    from pipeline.evaluation.truth import read_cells

    readings = _read_json_lines(results)
    scores = score_cells(read_cells(truth), readings)
    if partial:
        scores = {group: score for group, score in scores.items() if score.read}
    whole = sum(scores.values(), CellScore())
    if not whole.read:
        raise BadInput(str(results), f"reads nothing of {truth}", "results go by image path")
    if json:
        print_json(
            {
                "groups": {group: score.to_json() for group, score in scores.items()},
                "total": whole.to_json(),
            }
        )
        return
    _print_cells(scores, whole)


def _read_json_lines(file: Path) -> dict[str, Says]:
    from json import loads

    readings = {}
    try:
        for line in file.read_text("utf-8").splitlines():
            if line.strip():
                item = loads(line)
                readings[str(item["path"])] = _says(item)
    except (ValueError, KeyError, TypeError) as error:
        reason = f"not the JSON lines of recognize ({error})"
        raise BadInput(str(file), reason, "give its output or a folder of results") from error
    return readings


def _says(item: Any) -> Says:
    from pipeline.evaluation.trust import STATUSES, Says

    if not isinstance(item, dict):
        raise TypeError("a line is no object")
    status = item.get("status", "plain")
    if status not in STATUSES:
        raise ValueError(f"no status {status!r}")
    raw, value = item.get("raw"), item.get("value")
    return Says(
        str(item["text"]),
        None if raw is None else str(raw),
        status,
        None if value is None else float(value),
        tuple(map(str, item.get("checks", ()))),
    )


def _print_cells(scores: Mapping[str, CellScore], whole: CellScore) -> None:
    named = [*scores.items(), ("total", whole)]
    lines = [
        [
            name,
            str(score.cells),
            str(score.read),
            str(score.right),
            _percent(score.accuracy),
            _percent(score.text.cer),
            "" if score.mae is None else f"{score.mae:.3f}",
        ]
        for name, score in named
    ]
    _print_table(["cells of", "cells", "read", "right", "exact", "CER", "MAE"], lines)
    _print_trust([(name, score.trust) for name, score in named])


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{100 * rate:.2f} %"


def _print_table(heads: list[str], lines: list[list[str]]) -> None:
    """Print lines under heads on stdout, the last one, the total, apart."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for number, head in enumerate(heads):
        table.add_column(head, justify="left" if number == 0 else "right", no_wrap=number > 0)
    for line in lines[:-1]:
        table.add_row(*map(Text, line))
    table.add_section()
    table.add_row(*map(Text, lines[-1]), style="bold")
    console = Console(highlight=False)
    if not console.is_terminal:
        # A file or a pipe has no width: nothing may be cut off or broken there.
        longest = max(len(line[0]) for line in lines)
        console = Console(highlight=False, width=longest + 20 * len(heads))
    console.print(table)
