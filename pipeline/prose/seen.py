"""The script of lines by their image, where reading them tells nothing.

A recognizer that knows no Hangul makes Latin or Chinese letters of it, is unsure of all, and they
are no language. How a whole page then looks to the script classifier is telling, a single line is
not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from pipeline.page import Line
from pipeline.preprocess import Gray
from pipeline.prose.languages import likelihood, script_of

if TYPE_CHECKING:
    from pipeline.recognition.script import ScriptRouter

POOR = 0.5
"""The mean confidence of a page's lines above which they were read in their own script."""

A_LANGUAGE = 0.02
"""How likely, among all languages of the world, one of the page's is of what was read."""


def look(
    read: Sequence[tuple[int, Line]], crops: Sequence[Gray], languages: Sequence[str]
) -> list[tuple[int, Line]]:
    """Return a page's lines, each with its number among `crops`, with the script that was seen.

    That is Korean, if it is one of the page's `languages`; or, for a page that does not look so or
    was well read, none.
    """
    if "ko" not in languages or not _is_poor([line for _, line in read], languages):
        return list(read)
    from pipeline.recognition.script import SCRIPTS

    chances = _router().weigh([crops[number] for number, _ in read])[:, SCRIPTS.index("korean")]
    if chances.mean() < 0.5:
        return list(read)
    return [
        (number, replace(line, script="Kore") if chance >= 0.5 else line)
        for (number, line), chance in zip(read, chances.tolist(), strict=True)
    ]


def _is_poor(lines: Sequence[Line], languages: Sequence[str]) -> bool:
    """Tell whether reading has made nothing of a page."""
    if not lines or sum(line.confidence for line in lines) / len(lines) >= POOR:
        return False
    texts = [line.text for line in lines]
    if any(script_of(text) == "Kore" for text in texts):
        return False
    others = [name for name in languages if name != "ko"]
    return likelihood("\n".join(texts), others) < A_LANGUAGE


@cache
def _router() -> ScriptRouter:
    from pipeline.models.load import model_path
    from pipeline.recognition.script import load_router

    return load_router(model_path("script"))
