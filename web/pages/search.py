"""Search: words, words nearly so, and values; each hit with its ink."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from markupsafe import Markup, escape
from sqlalchemy import Connection

from pipeline.errors import BadInput
from storage.search import Hit
from storage.search import search as find
from web.lanes import searching
from web.pages.showing.ink import Ink, cut_out
from web.reading import facets, measured, pages
from web.security.principal import Reader
from web.site import TheSite
from web.templating import render

router = APIRouter()

_AT_ONCE = 20
_MOST = 300
"""Hits that are looked at: facets count these, and further pages show no more."""

_KEPT_SECONDS = 60
"""For so long a browser shows the facets again that it was given, from one page to the next."""

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


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for, and which values of facets were chosen."""

    q: str
    fuzzy: bool
    chosen: dict[str, str]

    def address(self, path: str = "/search", **changed: str | int | None) -> str:
        """Return where the answer is; `changed` chooses other values, None gives one up."""
        query = {"q": self.q, "fuzzy": "true" if self.fuzzy else None, **self.chosen, **changed}
        return f"{path}?{urlencode({k: v for k, v in query.items() if v})}"

    def hits(self, connection: Connection, most: int) -> list[Hit]:
        """Return the best hits, whatever was chosen but the collection. Raises `BadInput`."""
        collection = self.chosen.get("collection")
        if measured.is_question(self.q):
            return measured.find(connection, self.q, collection, most)
        return find(connection, self.q, fuzzy=self.fuzzy, collection=collection, limit=most)


def _asked(
    q: Annotated[str, Query(max_length=1000)] = "",
    fuzzy: bool = False,
    collection: Annotated[str | None, Query(max_length=500)] = None,
    year: Annotated[str | None, Query(max_length=10)] = None,
    variable: Annotated[str | None, Query(max_length=50)] = None,
    flag: Annotated[str | None, Query(max_length=100)] = None,
) -> Asked:
    said = {"collection": collection, "year": year, "variable": variable, "flag": flag}
    return Asked(q, fuzzy, {name: value for name, value in said.items() if value})


Question = Annotated[Asked, Depends(_asked)]


@router.get("/search")
@searching
def search(
    request: Request,
    site: TheSite,
    _who: Reader,
    asked: Question,
    start: Annotated[int, Query(ge=0, le=_MOST)] = 0,
) -> Response:
    """Show what was found, or the field to look in."""
    context = {
        "q": asked.q,
        "fuzzy": asked.fuzzy,
        "chosen": asked.chosen,
        "problem": None,
        "shown": None,
    }
    with site.reading() as connection:
        if not asked.q.strip():
            known = pages.collections(connection)
            return render(request, "search/search.html", {**context, "collections": known})
        end = min(start + _AT_ONCE, _MOST)
        narrowed = asked.chosen.keys() - {"collection"}
        try:
            hits = asked.hits(connection, _MOST if narrowed else min(end + 1, _MOST))
        except BadInput as error:
            connection.rollback()
            status = 404 if error.reason.startswith("no such") else 422
            return render(
                request, "search/search.html", {**context, "problem": str(error)}, status=status
            )
        common: dict[str, Any] | None = None
        if narrowed or len(hits) <= end:  # all are at hand
            hits, common = _common(connection, asked, hits)
        part = hits[start:end]
        sizes = facets.sizes(connection, {hit.page_id for hit in part})
        places = facets.places(connection, part)
    question = measured.is_question(asked.q)
    marks = None if question else _marks(asked.q)
    context |= {
        "shown": [
            _shown(hit, where, sizes[hit.page_id], marks, asked.fuzzy)
            for hit, where in zip(part, places, strict=True)
        ],
        "first": start + 1,
        "common": common,
        "ask_common": asked.address("/search/facets"),
        "before": asked.address(start=max(0, start - _AT_ONCE)) if start else None,
        "after": asked.address(start=end) if len(hits) > end else None,
        "try_fuzzy": None if asked.fuzzy or question else f"{asked.address()}&fuzzy=true",
    }
    return render(request, "search/search.html", context)


@router.get("/search/facets")
@searching
def facets_of(request: Request, site: TheSite, _who: Reader, asked: Question) -> Response:
    """Show what the best hits have in common; the page of the hits asks for it once it stands."""
    with site.reading() as connection:
        _, common = _common(connection, asked, asked.hits(connection, _MOST))
    keep = {"Cache-Control": f"private, max-age={_KEPT_SECONDS}"}
    return render(request, "search/counted.html", {"common": common}, headers=keep)


def _common(
    connection: Connection, asked: Asked, hits: list[Hit]
) -> tuple[list[Hit], dict[str, Any]]:
    """Return the hits that have what was chosen, and what these have in common, for a template."""
    described = facets.describe(connection, hits)
    kept = facets.narrow(hits, described, asked.chosen)
    choices = {
        name: [_choice(asked, name, value, count) for value, count in values]
        for name, values in facets.count(kept, described).items()
    }
    return kept, {
        "facets": choices,
        "names": measured.NAMES,
        "total": len(kept),
        "more_than": len(hits) >= _MOST,
    }


def _choice(asked: Asked, facet: str, value: str, count: int) -> Choice:
    chosen = asked.chosen.get(facet) == value
    return Choice(
        value, count, asked.address("/search", **{facet: None if chosen else value}), chosen
    )


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
