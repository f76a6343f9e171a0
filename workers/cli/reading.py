"""`recognize`: cut-out lines and cells, read without the queue; and where lines are on pages."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from pipeline.errors import BadInput, LedgermillError
from workers.cli.output import complain, console

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.checks.cutouts import CutOut
    from pipeline.outline import Outline
    from pipeline.page import Reading
    from pipeline.profiles import Profile

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
    detect_only: Annotated[
        bool,
        typer.Option("--detect-only", help="Take the images for pages; only find their lines."),
    ] = False,
) -> None:
    """Read cut-out lines or cells: a JSON object a line with text, confidence, alternatives."""
    if detect_only:
        if grid is not None or charset is not None:
            raise typer.BadParameter("--detect-only reads nothing: no --grid, no --charset")
        if detect(images or [], profile, sys.stdout):
            raise typer.Exit(1)
        return
    from pipeline.checks.cutouts import check_sheets
    from pipeline.engines import load_engine
    from pipeline.profiles import load_profile
    from pipeline.recognition.decoding import pattern_of
    from pipeline.recognize import recognize as read
    from workers.cutouts import find_cutouts, open_cutout
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
                said = _said(reading.text, reading.confidence, reading)
                verdict = _status(reading.confidence, "plain", chosen)
                _print({"path": cutout.path, **said, "status": verdict})
            elif len(readings) % 100 == 0:
                status.update(f"reading: {len(readings)} of {len(cutouts)}")
    if grid is not None:
        checked = check_sheets(good, readings, chosen)
        for cutout, reading, cell in zip(good, readings, checked, strict=True):
            _print(
                {
                    "path": cutout.path,
                    "sheet": cutout.sheet,
                    "cell": cutout.cell,
                    **_said(cell.text, cell.confidence, reading),
                    "raw": reading.text,
                    "value": cell.value,
                    "unit": cell.unit,
                    "status": _status(cell.confidence, cell.status, chosen),
                    "checks": list(cell.checks),
                }
            )
    if failed:
        complain(f"{failed} of {len(cutouts)} images could not be read")
        raise typer.Exit(1)


def _status(confidence: float, status: str, profile: Profile) -> str:
    return "rejected" if confidence < profile.recognition.reject_below else status


def _said(text: str, confidence: float, reading: Reading) -> dict[str, Any]:
    return {
        "text": text,
        "confidence": round(confidence, 4),
        "characters": [round(odds, 4) for odds in reading.characters],
        "alternatives": [
            {"text": a.text, "logprob": round(a.logprob, 4)} for a in reading.alternatives
        ],
    }


def _print(value: dict[str, Any], out: TextIO | None = None) -> None:
    (out or sys.stdout).write(json.dumps(value, ensure_ascii=False) + "\n")


def detect(sources: Sequence[str], profile: str, out: TextIO) -> int:
    """Write where lines are on the pages of sources, a JSON object a page.

    Returns how many sources or parts of them could not be read, each of which was complained of.
    """
    from pipeline.decode import decode_image
    from pipeline.engines import load_engine
    from pipeline.outline import outline
    from pipeline.profiles import load_profile
    from workers.settings import settings
    from workers.sources.model import Limits, PageImage
    from workers.sources.pages import open_pages

    chosen = load_profile(profile)
    limits = Limits.of(settings())
    engine = load_engine(chosen, settings().device, settings().threads)
    failed = pages = 0
    with console().status("finding lines") as status:
        for found in open_pages(sources, limits):
            try:
                if not isinstance(found, PageImage):
                    raise BadInput(found.name, found.reason, found.remedy)
                image = decode_image(found.data, limits.image)
            except BadInput as error:
                failed += 1
                complain(str(BadInput(found.name, error.reason, error.remedy)))
                continue
            page = next(outline([image], chosen, engine))
            pages += 1
            status.update(f"finding lines: {pages} pages")
            _print({"page": found.name, **_rounded(page)}, out)
    if not failed and not pages:
        raise LedgermillError("no pages found; name images, PDFs, ZIPs, folders or patterns")
    return failed


def _rounded(page: Outline) -> dict[str, Any]:
    places = [[[round(x, 1), round(y, 1)] for x, y in polygon] for polygon in page.polygons]
    return {**asdict(page), "angle": round(page.angle, 3), "polygons": places}
