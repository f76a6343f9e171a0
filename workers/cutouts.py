"""Cut-out lines and cells that other software made, and the sheets that they came from."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.checks.cutouts import CELL, CutOut
from pipeline.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLUMNS = ("sheet", "cell", "image")


def find_cutouts(images: Sequence[str], grid: Path | None) -> list[CutOut]:
    """Return the cut-outs that the paths and the grid file name, in that order.

    Raises `BadInput` where the grid cannot be read or does not say `sheet,cell,image`.
    """
    named = [CutOut(image) for image in images]
    return named if grid is None else named + list(_of_grid(grid))


def _of_grid(grid: Path) -> Iterator[CutOut]:
    remedy = f"give a UTF-8 CSV with the columns {','.join(COLUMNS)}"
    try:
        with grid.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or [])]
            if missing:
                raise BadInput(str(grid), f"has no column {missing[0]}", remedy)
            for row in rows:
                sheet, cell, image = (row[name] or "" for name in COLUMNS)
                if not CELL.fullmatch(cell):
                    where = f"line {rows.line_num}"
                    raise BadInput(str(grid), f"{where}: {cell!r} names no cell", "write it as D12")
                yield CutOut(str(grid.parent / image), sheet, cell)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(str(grid), f"cannot be read ({error})", remedy) from error


def open_cutout(cutout: CutOut) -> NDArray[np.uint8]:
    """Return the pixels of a cut-out; raises `BadInput` where it cannot be read."""
    from pipeline.decode import ImageLimits, decode_image
    from workers.settings import settings

    limits = settings()
    path = Path(cutout.path)
    remedy = "check the path and its permissions"
    try:
        if not path.is_file():
            raise BadInput(cutout.path, "is no file", remedy)
        if path.stat().st_size > limits.max_bytes:
            raise BadInput(cutout.path, "is larger than the limit", "raise LEDGERMILL_MAX_BYTES")
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(cutout.path, error.strerror or str(error), remedy) from error
    try:
        return decode_image(data, ImageLimits(limits.max_pixels))
    except BadInput as error:
        raise BadInput(cutout.path, error.reason, error.remedy) from error
