"""A transcription laid onto an image of another size than the one that it was made on."""

from __future__ import annotations

from dataclasses import replace

from pipeline.errors import BadInput
from pipeline.page import Polygon, Transcription

_PROPORTION = 0.02


def fitted(transcription: Transcription, width: int, height: int) -> Transcription:
    """Return it with its coordinates in pixels of an image of `width` x `height`.

    Raises `BadInput` where the image has other proportions: then it is another image.
    """
    if (transcription.width, transcription.height) == (width, height):
        return transcription
    across = width / max(1, transcription.width)
    down = height / max(1, transcription.height)
    if abs(across / down - 1) > _PROPORTION:
        raise BadInput(
            "transcription",
            f"it is of an image of {transcription.width:,} x {transcription.height:,} pixels,"
            f" not {width:,} x {height:,}",
            "give the image that it was made on",
        )

    def moved(polygon: Polygon) -> Polygon:
        one, two, three, four = ((x * across, y * down) for x, y in polygon)
        return one, two, three, four

    return replace(
        transcription,
        width=width,
        height=height,
        lines=tuple(replace(line, polygon=moved(line.polygon)) for line in transcription.lines),
        tables=tuple(
            replace(
                table,
                polygon=moved(table.polygon),
                cells=tuple(replace(cell, polygon=moved(cell.polygon)) for cell in table.cells),
            )
            for table in transcription.tables
        ),
        regions=tuple(
            replace(region, polygon=moved(region.polygon)) for region in transcription.regions
        ),
    )
