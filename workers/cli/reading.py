"""`recognize`: cut-out lines and cells, read without the queue."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import LedgermillError
from workers.cli.output import complain, console

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.page import Reading
    from workers.cutouts import CutOut

app = typer.Typer()


@app.command()
def recognize(
    images: Annotated[
        list[str] | None, typer.Argument(metavar="[IMAGE…]", help="One line or cell each.")
    ] = None,
    grid: Annotated[
        Path | None,
        typer.Option(
            help="CSV `sheet,cell,image` (cells such as D12, images relative to it): read the "
            "cut-outs as the tables that they came from."
        ),
    ] = None,
    charset: Annotated[
        str | None,
        typer.Option(help=r"Limit what may be read: numeric, narrow, or a pattern as /\d\d\.\d/."),
    ] = None,
    profile: Annotated[str, typer.Option(help="A profile's name, or a .toml file.")] = "default",
) -> None:
    """Read cut-out lines or cells: a JSON object a line with text, confidence, alternatives."""
    from pipeline.engines import load_engine
    from pipeline.profiles import load_profile
    from pipeline.recognition.decoding import pattern_of
    from pipeline.recognize import recognize as read
    from workers.cutouts import find_cutouts, open_cutout, settle_sheets
    from workers.settings import settings

    pattern_of(charset)  # a wrong one is refused before anything is loaded
    chosen = load_profile(profile)
    cutouts = find_cutouts(images or [], grid)
    if not cutouts:
        raise LedgermillError("recognize: no images given; name some, or a --grid file")
    engine = load_engine(chosen, settings().device, settings().threads)
    failed = 0
    good: list[CutOut] = []

    def opened() -> Iterator[NDArray[np.uint8]]:
        nonlocal failed
        for cutout in cutouts:
            try:
                pixels = open_cutout(cutout)
            except LedgermillError as error:
                failed += 1
                complain(str(error))
                continue
            good.append(cutout)
            yield pixels

    readings: list[Reading] = []
    with console().status("reading") as status:
        for reading in read(opened(), chosen, engine, charset):
            cutout = good[len(readings)]
            readings.append(reading)
            if grid is None:
                _print({"path": cutout.path, **_said(reading.text, reading.confidence, reading)})
            elif len(readings) % 100 == 0:
                status.update(f"reading: {len(readings)} of {len(cutouts)}")
    if grid is not None:
        for cutout, reading, says in settle_sheets(good, readings):
            _print(
                {
                    "path": cutout.path,
                    "sheet": cutout.sheet,
                    "cell": cutout.cell,
                    **_said(says.text, says.confidence, reading),
                    "raw": reading.text,
                    "status": says.status,
                }
            )
    if failed:
        complain(f"{failed} of {len(cutouts)} images could not be read")
        raise typer.Exit(1)


def _said(text: str, confidence: float, reading: Reading) -> dict[str, Any]:
    return {
        "text": text,
        "confidence": round(confidence, 4),
        "alternatives": [
            {"text": a.text, "logprob": round(a.logprob, 4)} for a in reading.alternatives
        ],
    }


def _print(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
