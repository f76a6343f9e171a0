"""Search over the lines and cells of current transcriptions.

Three ways to look: words, in the language of each collection; words nearly so, for what was
misread; and a number, among the values of cells. Nearly the same words are found in the
vocabulary by their trigrams, and the lines and cells then as for any other words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pipeline.errors import BadInput
from pipeline.page import Polygon, as_polygon

_SIMILARITIES = (0.8, 0.6, 0.45, 0.3)
"""How much of a word must agree: first nearly all, then, where too little is found, less."""

_SIMILAR_WORDS = 50
"""Spellings that are looked for, at most, for each word asked for."""

_CANDIDATES = 1_000
"""Hits that are ranked at most; a word on every page is not worth ranking a million times."""

_SECONDS = 20

_NUMBER = re.compile(r"[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})")


@dataclass(frozen=True, slots=True)
class Hit:
    """One line or cell that was found; `table`, `row` and `column` (from 0) are null for a line.

    `score` orders the hits of one search and means nothing beyond it.
    """

    collection: str
    page: str
    page_id: int
    kind: Literal["line", "cell"]
    number: int | None
    table: int | None
    row: int | None
    column: int | None
    text: str
    value: float | None
    polygon: Polygon
    confidence: float
    run: str
    score: float


def search(
    connection: Connection,
    query: str,
    *,
    fuzzy: bool = False,
    collection: str | None = None,
    limit: int = 20,
) -> list[Hit]:
    """Return the best hits for `query`, best first, at most `limit`.

    Words must all occur, in any case and form; `"quoted words"` in that order, `or` and `-not` as
    on the web. With `fuzzy` words that are spelled nearly so are found too. A query that is a
    number also finds the cells of that value. Raises `BadInput` where there is nothing to look
    for, where the collection does not exist, and where the search takes too long.
    """
    words = query.replace("\x00", " ").strip()
    if not any(character.isalnum() for character in words):
        raise BadInput(repr(query), "no word or number to look for", "give at least one")
    if len(words) > 1_000:
        raise BadInput("the query", f"{len(words)} characters long", "give at most 1000")
    collection_id = _collection(connection, collection)
    parameters = {"query": words, "collection": collection_id, "limit": limit}
    try:
        connection.execute(text(f"set local statement_timeout = '{_SECONDS}s'"))
        # A plan for any words would not know the rare ones from the common ones.
        connection.execute(text("set local plan_cache_mode = 'force_custom_plan'"))
        hits = _by_value(connection, words, parameters)
        hits += (_fuzzy if fuzzy else _by_words)(connection, parameters)
        connection.execute(text("set local statement_timeout to default"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "57014":
            raise
        raise BadInput(
            repr(query), f"took more than {_SECONDS} s", "look for a rarer word or one collection"
        ) from None
    best = {_place(hit): hit for hit in hits}
    order = sorted(best.items(), key=lambda item: (-item[1].score, -item[1].confidence, item[0]))
    return [hit for _, hit in order[:limit]]


def _place(hit: Hit) -> tuple[int, ...]:
    """Return where a hit is, fit to sort by: pages in turn, lines before cells."""
    return (
        hit.page_id,
        *(-1 if n is None else n for n in (hit.table, hit.row, hit.column)),
        -1 if hit.number is None else hit.number,
    )


def _collection(connection: Connection, name: str | None) -> int | None:
    if name is None:
        return None
    found: int | None = connection.scalar(
        text("select id from mill.collection where name = :name"), {"name": name}
    )
    if found is None:
        raise BadInput(name, "no such collection", 'see `ledgermill sql "TABLE pages"`')
    return found


_PLACES = {
    "line": "hit.number, null::int as table, null::int as row, null::int as column,"
    " null::double precision as value",
    "cell": 'null::int as number, hit."table", hit."row", hit."column", hit.value',
}


def _statement(kind: str, condition: str, score: str) -> str:
    """Return a query for the hits of one kind, which must meet `condition` and have a `score`.

    The candidates are found, joined and cut off before any is ranked.
    """
    return f"""
        with candidate as materialized (
            select hit.*, page.id as page_id, page.name as page, page.collection_id,
                transcription.run_id
            from mill.{kind} as hit
            join mill.transcription on transcription.id = hit.transcription_id
            join mill.page on page.id = transcription.page_id
                and page.current_run_id = transcription.run_id
            where {condition}
                and (cast(:collection as bigint) is null or page.collection_id = :collection)
            limit {_CANDIDATES}
        )
        select collection.name as collection, hit.page, hit.page_id, '{kind}' as kind,
            {_PLACES[kind]},
            hit.text, hit.polygon, hit.confidence, run.name as run, {score} as score
        from candidate as hit
        join mill.collection on collection.id = hit.collection_id
        join mill.run on run.id = hit.run_id
        order by score desc, hit.confidence desc, hit.page_id
        limit :limit
    """  # noqa: S608 (nothing here comes from outside)


def _by_words(connection: Connection, parameters: dict[str, Any]) -> list[Hit]:
    hits: list[Hit] = []
    for language in _languages(connection, parameters):
        asked = connection.scalar(
            text(
                "select websearch_to_tsquery("
                "cast(:language as regconfig), mill.search_text(:query))::text"
            ),
            {**parameters, "language": language},
        )
        hits += _matching(connection, language, asked, "ts_rank(hit.search, asked, 1)", parameters)
    return hits


def _fuzzy(connection: Connection, parameters: dict[str, Any]) -> list[Hit]:
    """Look for the words of the vocabulary that are spelled like those asked for.

    The nearest are tried alone first, so that hits on a common word do not crowd them out.
    """
    # The planner thinks that comparing trigrams costs nothing, and that fifty spellings together
    # are common: it would read all words, and then all lines.
    connection.execute(text("set local enable_seqscan = off"))
    similar = _similar_words(connection, parameters["query"])
    languages = _languages(connection, parameters)
    hits: list[Hit] = []
    tried: list[list[str]] = []
    for least in _SIMILARITIES:
        choices = [[word for word, by in words if by >= least] for words in similar]
        if choices == tried or not all(choices):
            continue
        tried = choices
        hits = []
        for language in languages:
            asked = " & ".join(filter(None, (_any_of(connection, language, c) for c in choices)))
            score = "word_similarity(:query, hit.text)"
            hits += _matching(connection, language, asked, score, parameters)
        if len(hits) >= parameters["limit"]:
            break
    connection.execute(text("set local enable_seqscan to default"))
    return hits


def _similar_words(connection: Connection, query: str) -> list[list[tuple[str, float]]]:
    """Return, for each word of the query, the words spelled like it and how much so.

    Numbers stand for themselves: one digit off is another number, not a misspelt one.
    """
    connection.execute(
        text("select set_config('pg_trgm.word_similarity_threshold', :least, true)"),
        {"least": str(_SIMILARITIES[-1])},
    )
    rows = connection.execute(
        text(
            "select asked.lexeme, found.word, found.similarity"
            " from unnest(to_tsvector('simple', mill.search_text(:query))) as asked"
            " left join lateral ("
            "  select word, word_similarity(asked.lexeme, word) as similarity"
            "  from mill.word where asked.lexeme <% word"
            "  order by similarity desc, word limit :most"
            " ) as found on asked.lexeme ~ '[[:alpha:]]'"
            " order by asked.lexeme"
        ),
        {"query": query, "most": _SIMILAR_WORDS},
    )
    similar: dict[str, list[tuple[str, float]]] = {}
    for asked, word, similarity in rows:
        words = similar.setdefault(asked, [])
        if word is not None:
            words.append((word, similarity))
        elif not any(character.isalpha() for character in asked):
            words.append((asked, 1.0))
    return list(similar.values())


def _any_of(connection: Connection, language: str, words: list[str]) -> str:
    """Return a tsquery for any of some words; empty where the language ignores them all."""
    queries = connection.scalars(
        text(
            "select distinct plainto_tsquery(cast(:language as regconfig), word)::text"
            " from unnest(cast(:words as text[])) as word"
        ),
        {"language": language, "words": words},
    )
    choices = " | ".join(f"({query})" for query in queries if query)
    return f"({choices})" if choices else ""


def _languages(connection: Connection, parameters: dict[str, Any]) -> list[str]:
    return list(
        connection.scalars(
            text(
                "select distinct language::text from mill.collection"
                " where cast(:collection as bigint) is null or id = :collection"
            ),
            parameters,
        )
    )


def _matching(
    connection: Connection, language: str, asked: str, score: str, parameters: dict[str, Any]
) -> list[Hit]:
    """Return the lines and cells of one language that match a tsquery, given as text."""
    if not asked:
        return []
    condition = (
        "hit.search @@ cast(:asked as tsquery) and hit.language = cast(:language as regconfig)"
    )
    score = score.replace("asked", "cast(:asked as tsquery)")
    return [
        hit
        for kind in _PLACES
        for hit in _hits(
            connection,
            _statement(kind, condition, score),
            {**parameters, "asked": asked, "language": language},
        )
    ]


def _by_value(connection: Connection, words: str, parameters: dict[str, Any]) -> list[Hit]:
    number = words.replace("−", "-").replace("·", ".")
    if not _NUMBER.fullmatch(number):
        return []
    return _hits(
        connection,
        _statement("cell", "hit.value = :value", "1.0::real"),
        {**parameters, "value": float(number)},
    )


def _hits(connection: Connection, statement: str, parameters: dict[str, Any]) -> list[Hit]:
    found = []
    for row in connection.execute(text(statement), parameters).mappings():
        numbers = row["polygon"]
        polygon = as_polygon(zip(numbers[::2], numbers[1::2], strict=True))
        found.append(Hit(**{**row, "polygon": polygon}))
    return found
