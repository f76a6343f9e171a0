"""Search over the lines and cells of current transcriptions.

Three ways to look: words, in the language of each collection; words nearly so, for what was
misread; and a number, among the values of cells. Nearly the same words are found in the
vocabulary by their trigrams, and the lines and cells then as for any other words.

No search reads all of its hits: of a word on every page the first `_CANDIDATES` are ranked, those
of the newest transcriptions, partition by partition.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pipeline.errors import BadInput
from pipeline.page import Polygon, as_polygon
from storage.partitions import partitions

_SIMILARITIES = (0.8, 0.6, 0.45, 0.3)
"""How much of a word must agree: first nearly all, then, where too little is found, less."""

_SIMILAR_WORDS = 50
"""Spellings that are looked for, at most, for each word asked for."""

_CANDIDATES = 1_000
"""Hits that are ranked at most; a word on every page is not worth ranking a million times."""

_SMALL_COLLECTION = 1_000
"""Pages that may be read from end to end rather than look a common word up everywhere."""

_SECONDS = 20

_NUMBER = re.compile(r"[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})")

_Order = tuple[int, float, float, int, int, int, int, int]
"""What hits are sorted by: step of the search, -score, -confidence, page, table, row, column,
line (-1 for none)."""

_START: _Order = (-1, 0.0, 0.0, 0, 0, 0, 0, 0)
"""Stands before any hit."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One line or cell that was found; `table`, `row` and `column` (from 0) are null for a line.

    `score` orders the hits of one `step` of a search (number, words, then ever less similar ones)
    and means nothing beyond it.
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
    step: int

    @property
    def cursor(self) -> str:
        """What to give as `after` to the same search for the hits that follow this one."""
        return base64.urlsafe_b64encode(json.dumps(_order(self)).encode()).decode().rstrip("=")


def search(
    connection: Connection,
    query: str,
    *,
    fuzzy: bool = False,
    collection: str | None = None,
    limit: int = 20,
    after: str | None = None,
) -> list[Hit]:
    """Return the best hits for `query`, best first, at most `limit`.

    Words must all occur, in any case and form; `"quoted words"` in that order, `or` and `-not` as
    on the web. With `fuzzy` words that are spelled nearly so are found too. A query that is a
    number also finds the cells of that value. `after` is the `cursor` of a hit of the same search:
    those that follow it are returned, none of them twice, though pages were read meanwhile.

    Raises `BadInput` where there is nothing to look for, where the collection does not exist,
    where `after` is no cursor, and where the search takes too long.
    """
    words = query.replace("\x00", " ").strip()
    if not any(character.isalnum() for character in words):
        raise BadInput(repr(query), "no word or number to look for", "give at least one")
    if len(words) > 1_000:
        raise BadInput("the query", f"{len(words)} characters long", "give at most 1000")
    look = _Search(connection, words, _collection(connection, collection), limit, _place(after))
    try:
        chosen = _SETTINGS | {"statement_timeout": f"'{_SECONDS}s'"}
        connection.execute(
            text("; ".join(f"set local {name} = {value}" for name, value in chosen.items()))
        )
        look.by_value()
        if fuzzy:
            look.fuzzy()
        else:
            look.by_words()
        connection.execute(text("; ".join(f"set local {name} to default" for name in chosen)))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "57014":
            raise
        raise BadInput(
            repr(query), f"took more than {_SECONDS} s", "look for a rarer word or one collection"
        ) from None
    return sorted(look.hits, key=_order)[:limit]


_SETTINGS = {
    # A plan for any words would not know the rare ones from the common ones.
    "plan_cache_mode": "force_custom_plan",
    # Whether a hit is current is looked up hit by hit: most often the first ones are enough.
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # From the beginning, wherever others are reading: the same hits each time.
    "synchronize_seqscans": "off",
    "max_parallel_workers_per_gather": "0",
}


def _order(hit: Hit) -> _Order:
    """Return what hits are sorted by: best first, then pages in turn, lines before cells."""
    table, row, column, line = (
        -1 if n is None else n for n in (hit.table, hit.row, hit.column, hit.number)
    )
    return (hit.step, -hit.score, -hit.confidence, hit.page_id, table, row, column, line)


def _place(after: str | None) -> _Order:
    if after is None:
        return _START
    try:
        said = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
        step, score, confidence, *place = said
        page, table, row, column, line = (int(number) for number in place)
        return (int(step), float(score), float(confidence), page, table, row, column, line)
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError):
        raise BadInput(
            "after", "no cursor of a search", "give the one that came with the last hit"
        ) from None


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
_KEYS = {
    "line": "hit.page_id, -1, -1, -1, hit.number",
    "cell": 'hit.page_id, hit."table", hit."row", hit."column", -1',
}


class _Search:
    """One search: what is looked for and after which hit, and the `hits` so far."""

    def __init__(
        self,
        connection: Connection,
        words: str,
        collection: int | None,
        limit: int,
        after: _Order,
    ) -> None:
        self.hits: list[Hit] = []
        self._connection = connection
        self._words = words
        self._limit = limit
        self._after = after
        self._collection = collection
        self._language_names = list(
            connection.scalars(
                text(
                    "select distinct language::text from mill.collection"
                    " where cast(:collection as bigint) is null or id = :collection order by 1"
                ),
                {"collection": collection},
            )
        )
        number = words.replace("−", "-").replace("·", ".")
        self._value = float(number) if _NUMBER.fullmatch(number) else None
        # From the hits to their pages: the planner, which takes the hits to lie all over the place,
        # would rather look at every line there is. A small collection is read from its pages.
        self._within = "offset 0"
        if collection is not None:
            self._within = "and page.collection_id = :collection"
            if self._is_large(collection):
                self._within += " offset 0"
        # The newest first: what was read before may be superseded, all of it.
        self._ranges = [(part.first, part.end) for part in reversed(partitions(connection))]

    def _is_large(self, collection: int) -> bool:
        pages = text(
            "select count(*) > :few from"
            " (select from mill.page where collection_id = :collection limit :few + 1) as page"
        )
        return bool(
            self._connection.scalar(pages, {"collection": collection, "few": _SMALL_COLLECTION})
        )

    def by_value(self) -> None:
        """Look for a number, if that is what is asked for."""
        if self._value is not None and self._after[0] <= 0:
            self._add(0, "cell", "hit.value = :value", "1.0::real", {})

    def by_words(self) -> None:
        for language in self._language_names:
            asked = self._connection.scalar(
                text(
                    "select websearch_to_tsquery("
                    "cast(:language as regconfig), mill.search_text(:query))::text"
                ),
                {"query": self._words, "language": language},
            )
            self._matching(1, language, asked, "", "ts_rank(hit.search, {asked}, 1)")

    def fuzzy(self) -> None:
        """Look for the words of the vocabulary that are spelled like those asked for.

        The nearest are tried alone first, so that hits on a common word do not crowd them out.
        """
        before: list[list[str]] = []
        seen = dict.fromkeys(self._language_names, "")
        for step, least in enumerate(_SIMILARITIES, 1):
            if len(self.hits) >= self._limit:
                break
            choices = self._similar_words(least)
            if choices == before or not all(choices):
                continue
            before = choices
            for language in self._language_names:
                any_of = (_any_of(self._connection, language, choice) for choice in choices)
                asked = " & ".join(filter(None, any_of))
                score = "word_similarity(:query, hit.text)"
                self._matching(step, language, asked, seen[language], score)
                seen[language] = asked

    def _similar_words(self, least: float) -> list[list[str]]:
        """Return, for each word asked for, those at least so similar.

        Numbers stand for themselves: one digit off is another number, not a misspelt one.
        """
        # The planner thinks that comparing trigrams costs nothing: it would read all words.
        self._connection.execute(text("set local enable_seqscan = off"))
        self._connection.execute(
            text("select set_config('pg_trgm.word_similarity_threshold', :least, true)"),
            {"least": str(least)},
        )
        rows = self._connection.execute(
            text(
                "select asked.lexeme, found.word"
                " from unnest(to_tsvector('simple', mill.search_text(:query))) as asked"
                " left join lateral ("
                "  select word from mill.word where asked.lexeme <% word"
                "  order by word_similarity(asked.lexeme, word) desc, word limit :most"
                " ) as found on asked.lexeme ~ '[[:alpha:]]'"
                " order by asked.lexeme"
            ),
            {"query": self._words, "most": _SIMILAR_WORDS},
        ).all()
        self._connection.execute(text("set local enable_seqscan to default"))
        similar: dict[str, list[str]] = {}
        for asked, word in rows:
            words = similar.setdefault(asked, [])
            if word is not None:
                words.append(word)
            elif not any(character.isalpha() for character in asked):
                words.append(asked)
        return list(similar.values())

    def _matching(self, step: int, language: str, asked: str, seen: str, score: str) -> None:
        """Add the lines and cells of one language that match a tsquery, but not the one before."""
        if not asked or self._after[0] > step:
            return
        condition = "hit.search @@ {asked} and hit.language = cast(:language as regconfig)"
        if seen:
            condition += " and not hit.search @@ cast(:seen as tsquery)"
        if self._value is not None:
            condition += " and {value} is distinct from :value"
        for kind, value in (("line", "null::double precision"), ("cell", "hit.value")):
            self._add(
                step,
                kind,
                condition.format(asked="cast(:asked as tsquery)", value=value),
                score.format(asked="cast(:asked as tsquery)"),
                {"asked": asked, "language": language, "seen": seen},
            )

    def _add(
        self, step: int, kind: str, condition: str, score: str, parameters: dict[str, Any]
    ) -> None:
        """Add the hits of one kind that meet a condition and come after the place to go on from.

        The candidates are found, joined and cut off before any is ranked.
        """
        ranges = [
            f"select * from mill.{kind} as hit where transcription_id >= {first}"  # noqa: S608
            f" and transcription_id < {end} and {condition}"
            for first, end in self._ranges
        ]
        names = ("page", "table", "row", "column", "line")
        statement = f"""
            with candidate as materialized (
                select hit.*, reading.*
                from ({" union all ".join(ranges)}) as hit
                cross join lateral (
                    select page.id as page_id, page.name as page, page.collection_id,
                        transcription.run_id
                    from mill.transcription
                    join mill.page on page.id = transcription.page_id
                        and page.current_run_id = transcription.run_id
                    where transcription.id = hit.transcription_id {self._within}
                ) as reading
                limit {_CANDIDATES}
            ), best as (
                select hit.*, {score} as score from candidate as hit
            )
            select collection.name as collection, hit.page, hit.page_id, '{kind}' as kind,
                {_PLACES[kind]},
                hit.text, hit.polygon, hit.confidence, run.name as run, hit.score
            from best as hit
            join mill.collection on collection.id = hit.collection_id
            join mill.run on run.id = hit.run_id
            where not :later or (-hit.score, -hit.confidence, {_KEYS[kind]})
                > (cast(:score as real), cast(:confidence as real),
                    {", ".join(f":{name}" for name in names)})
            order by hit.score desc, hit.confidence desc, {_KEYS[kind].replace(", -1", "")}
            limit :limit
        """  # noqa: S608 (nothing here comes from outside)
        reached, less_score, less_confidence, *place = self._after
        found = self._connection.execute(
            text(statement),
            {
                **parameters,
                **dict(zip(names, place, strict=True)),
                "query": self._words,
                "collection": self._collection,
                "value": self._value,
                "later": reached == step,
                "score": less_score,
                "confidence": less_confidence,
                "limit": self._limit,
            },
        )
        for row in found.mappings():
            numbers = row["polygon"]
            polygon = as_polygon(zip(numbers[::2], numbers[1::2], strict=True))
            self.hits.append(Hit(**{**row, "polygon": polygon, "step": step}))


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
