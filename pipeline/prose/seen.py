"""The script of lines by their image, where reading them tells nothing.

A recognizer that knows no Hangul makes Latin or Chinese letters of it, and is unsure of all. How a
whole page looks to the script classifier is telling, a single line is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from pipeline.page import Line
from pipeline.preprocess import Gray
from pipeline.prose.languages import script_of

if TYPE_CHECKING:
    from pipeline.recognition.script import ScriptRouter

POOR = 0.5
"""The mean confidence of a page's lines above which they were read in their own script."""


def look(read: Sequence[tuple[int, Line]], crops: Sequence[Gray]) -> list[tuple[int, Line]]:
    """Return a page's lines, each with its number among `crops`, with the script that was seen.

    That is Korean or, for a page that does not look so or was well read, none.
    """
    lines = [line for _, line in read]
    if not lines or sum(line.confidence for line in lines) / len(lines) >= POOR:
        return list(read)
    if any(script_of(line.text) == "Kore" for line in lines):
        return list(read)
    from pipeline.recognition.script import SCRIPTS

    chances = _router().weigh([crops[number] for number, _ in read])[:, SCRIPTS.index("korean")]
    if chances.mean() < 0.5:
        return list(read)
    return [
        (number, replace(line, script="Kore") if chance >= 0.5 else line)
        for (number, line), chance in zip(read, chances.tolist(), strict=True)
    ]


@cache
def _router() -> ScriptRouter:
    from pipeline.models.load import model_path
    from pipeline.recognition.script import load_router

    return load_router(model_path("script"))
