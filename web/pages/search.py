"""Search: words, words nearly so, and values; each hit with its ink."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from markupsafe import Markup, escape

from pipeline.errors import BadInput
from storage.search import Hit
from storage.search import search as find
from web.pages.showing.ink import Ink, cut_out
from web.reading import facets, measured, pages
from web.security.principal import Reader
from web.site import TheSite
from web.templating import render

router = APIRouter()

_AT_ONCE = 20
_MOST = 300
"""Hits that are looked at: facets count these, and further pages show no more."""

_WORD = re.compile(r"\w+", re.UNICODE)
_PLAIN = re.compile(r'"|(?<!\S)-\w+|\bor\b', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shown:
    """A hit as the page shows it: its ink, its text with the words marked, where it leads."""

    hit: Hit
    ink: Ink
    text: Markup
    address: str
    where: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet; `address` chooses it, or gives it up where it is `chosen`."""

    value: str
    count: int
    address: str
    chosen: bool


@router.get("/search")
def search(
    request: Request,
    site: TheSite,
    _who: Reader,
    q: Annotated[str, Query(max_length=1000)] = "",
    fuzzy: bool = False,
    collection: Annotated[str | None, Query(max_length=500)] = None,
    year: Annotated[str | None, Query(max_length=10)] = None,
    variable: Annotated[str | None, Query(max_length=50)] = None,
    flag: Annotated[str | None, Query(max_length=100)] = None,
    start: Annotated[int, Query(ge=0, le=_MOST)] = 0,
) -> Response:
    """Show what was found, or the field to look in."""
    asked = {"collection": collection, "year": year, "variable": variable, "flag": flag}
    chosen = {name: value for name, value in asked.items() if value}
    context = {"q": q, "fuzzy": fuzzy, "chosen": chosen, "problem": None, "shown": None}
    with site.reading() as connection:
        if not q.strip():
            known = pages.collections(connection)
            return render(request, "search/search.html", {**context, "collections": known})
        try:
            if measured.is_question(q):
                hits = measured.find(connection, q, collection, _MOST)
                marks = None
            else:
                hits = find(connection, q, fuzzy=fuzzy, collection=collection, limit=_MOST)
                marks = _marks(q)
        except BadInput as error:
            connection.rollback()
            status = 404 if error.reason.startswith("no such") else 422
            return render(
                request, "search/search.html", {**context, "problem": str(error)}, status=status
            )
        described = facets.describe(connection, hits)
        kept = facets.narrow(hits, described, chosen)
        counted = facets.count(kept, described)
        part = kept[start : start + _AT_ONCE]
        sizes = facets.sizes(connection, {hit.page_id for hit in part})
        places = facets.places(connection, part)

    def address(**changed: str | int | None) -> str:
        query = {"q": q, "fuzzy": "true" if fuzzy else None, **chosen, **changed}
        return f"/search?{urlencode({k: v for k, v in query.items() if v})}"

    choices = {
        name: [
            Choice(
                value,
                count,
                address(**{name: None if chosen.get(name) == value else value}),
                chosen.get(name) == value,
            )
            for value, count in values
        ]
        for name, values in counted.items()
    }
    context |= {
        "shown": [
            _shown(hit, where, sizes[hit.page_id], marks, fuzzy)
            for hit, where in zip(part, places, strict=True)
        ],
        "total": len(kept),
        "more_than": len(hits) >= _MOST,
        "first": start + 1,
        "facets": choices,
        "names": measured.NAMES,
        "before": address(start=max(0, start - _AT_ONCE)) if start else None,
        "after": address(start=start + _AT_ONCE) if start + _AT_ONCE < len(kept) else None,
        "try_fuzzy": None if fuzzy or measured.is_question(q) else f"{address()}&fuzzy=true",
    }
    return render(request, "search/search.html", context)


def _marks(query: str) -> tuple[str, ...]:
    """Return the words of a query that are looked for, in lower case."""
    said = re.sub(r"(?<!\S)-\S+", " ", query)
    words = _WORD.findall(said.lower())
    return tuple(word for word in words if word != "or")


def _shown(
    hit: Hit, where: str, size: tuple[int, int], marks: Sequence[str] | None, fuzzy: bool
) -> Shown:
    spans = [(0, len(hit.text))] if marks is None else _spans(hit.text, marks, fuzzy)
    length = max(1, len(hit.text))
    shares = tuple((start / length, end / length) for start, end in spans)
    at = f"line={hit.number}" if hit.kind == "line" else f"cell={hit.table},{hit.row},{hit.column}"
    return Shown(
        hit,
        cut_out(hit.page_id, hit.polygon, size, spans=shares, least_width=320),
        _marked(hit.text, spans),
        f"/pages/{hit.page_id}?{at}",
        where,
    )


def _spans(text: str, marks: Sequence[str], fuzzy: bool) -> list[tuple[int, int]]:
    """Return where the words that were looked for stand, also in another form of theirs."""
    return [
        found.span()
        for found in _WORD.finditer(text)
        if any(_alike(found[0].lower(), mark, fuzzy) for mark in marks)
    ]


def _alike(word: str, mark: str, fuzzy: bool) -> bool:
    if word == mark:
        return True
    if any(c.isdigit() for c in mark):
        return False
    stem = mark[: max(4, len(mark) - 3)]
    if len(mark) > 3 and word.startswith(stem) and abs(len(word) - len(mark)) <= 4:
        return True
    if not fuzzy or not word:
        return False
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.normalized_similarity(word, mark) >= 0.6


def _marked(text: str, spans: Sequence[tuple[int, int]]) -> Markup:
    parts, last = [], 0
    for start, end in spans:
        parts += [escape(text[last:start]), Markup("<mark>"), escape(text[start:end])]
        parts.append(Markup("</mark>"))
        last = end
    return Markup("").join([*parts, escape(text[last:])])
