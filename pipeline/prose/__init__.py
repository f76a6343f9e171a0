"""What is made of a page's lines once they are read: by profile, step by step.

Told first is in what script and language each line is. Then, where the profile asks for it: one way
of writing each character, spaces between Korean words, doubtful words by how likely they are,
words that lines break off, and what dates, places and quantities lines hold. What was read stays in
`Line.raw`; what a person said is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.page import Line, Transcription
from pipeline.prose.hyphens import join
from pipeline.prose.languages import identify, script_of
from pipeline.prose.rescore import rescore
from pipeline.prose.spacing import respaced
from pipeline.prose.tagging import find_tags
from pipeline.prose.widths import normalized
from pipeline.prose.words import Lexicon, lexicon

if TYPE_CHECKING:
    from pipeline.profiles import Prose


def finish(page: Transcription, prose: Prose) -> Transcription:
    """Return a page with what its profile wants made of its lines."""
    lines: Sequence[Line] = page.lines
    if not lines:
        return page
    if prose.languages:
        lines = told(lines, prose.languages)
    if prose.normalize:
        lines = [_with(line, normalized(line.text, line.script)) for line in lines]
    if prose.spacing:
        lines = [
            _with(line, respaced(line.text)) if line.language == "ko" else line for line in lines
        ]
    if prose.rescore:
        lines = [_rescored(line) for line in lines]
    return replace(page, lines=annotated(lines, prose))


def annotated(lines: Sequence[Line], prose: Prose) -> tuple[Line, ...]:
    """Return lines with what is said of their texts, as these now are."""
    if prose.join:
        wholes = join(lines, _lexicon)
        lines = [replace(line, joined=whole) for line, whole in zip(lines, wholes, strict=True)]
    if prose.tag:
        lines = [replace(line, tagged=find_tags(line.text, line.language)) for line in lines]
    return tuple(lines)


def told(lines: Sequence[Line], languages: Sequence[str]) -> list[Line]:
    """Return a page's lines with their scripts and languages; a script that was seen stays."""
    written = identify([line.text for line in lines], languages, [line.script for line in lines])
    return [
        replace(line, script=found.script, language=found.language)
        for line, found in zip(lines, written, strict=True)
    ]


def _rescored(line: Line) -> Line:
    known = _lexicon(line.language)
    if known is None or script_of(line.text) != line.script:
        return line
    return _with(line, rescore(line.text, line.alternatives, known))


def _lexicon(language: str | None) -> Lexicon | None:
    return None if language is None else lexicon(language)


def _with(line: Line, text: str) -> Line:
    """Return a line with another text, unless nothing is left or a person said what it says."""
    if not text or text == line.text or line.corrected:
        return line
    return replace(line, text=text, raw=line.text if line.raw is None else line.raw)
