"""Search over the lines and cells of current transcriptions.

Three ways to look: words, in the language of each collection; words nearly so, for what was
misread; and a number, among the values of cells. Nearly the same words are found in the
vocabulary by their trigrams, and the lines and cells then as for any other words.

No search reads all of its hits: of a word on every page the first `_CANDIDATES` are ranked, those
of the newest transcriptions. A rare word is looked up in the index, partition by partition; of a
common one the index would first list millions of places, so that the newest pages are looked
through instead. Which is less work is told by what the planner expects to find.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pipeline.errors import BadInput
from pipeline.page import Polygon, as_polygon
from storage.languages import UNSPACED, has_unspaced, nearly, quoted, with_beginnings
from storage.partitions import LISTED

_SIMILARITIES = (0.8, 0.6, 0.45, 0.3)
"""How much of a word must agree: first nearly all, then, where too little is found, less."""

_SIMILAR_WORDS = 50
"""Spellings that are looked for, at most, for each word asked for."""

_CANDIDATES = 200
"""Hits of a kind that are ranked at most, unless more are asked for; a word on every page is not
worth ranking a million times."""

_LISTED, _CHECKED, _OPENED, _LOOKED_AT = 0.3, 5.0, 12.0, 1.5
"""Microseconds to list a place from the index, to see whether what stands there is current, to open
a page, and to look at one line or cell on it. Only their proportions matter."""

_FARTHER = 4
"""Pages are read until there are candidates enough, but no more than so many times those expected
to be; after that the index is asked."""

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

    Until its end the transaction keeps the settings that a search has: each statement of it ends
    after 20 s, and is planned for finding few rows.

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
        look.by_value()
        if fuzzy:
            look.fuzzy()
        else:
            look.by_words()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "57014":
            raise
        raise BadInput(
            repr(query), f"took more than {_SECONDS} s", "look for a rarer word or one collection"
        ) from None
    return sorted(look.hits, key=_order)[:limit]


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


_SETTINGS = {
    "statement_timeout": f"{_SECONDS}s",
    # A plan for any words would not know the rare ones from the common ones.
    "plan_cache_mode": "force_custom_plan",
    # Whether a hit is current is looked up hit by hit: most often the first ones are enough.
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # From the beginning, wherever others are reading: the same hits each time.
    "synchronize_seqscans": "off",
    "max_parallel_workers_per_gather": "0",
}

_AROUND = f"""
    with known as (
        select id, language, true as cells from mill.collection
        union all select collection_id, language, false from mill.collection_language
    ), spoken as (
        select language::text, bool_or(cells) as cells,
            websearch_to_tsquery(language, mill.search_text(:query))::text as asked
        from known where cast(:collection as bigint) is null or id = :collection
        group by language order by 1
    ), counted as (
        select 'transcription' as kind, reltuples from pg_class
        where oid = 'mill.transcription'::regclass
        union all select whole.kind, reltuples
        from (values ('line', 'mill.line'::regclass), ('cell', 'mill.cell')) as whole (kind, id)
            join pg_inherits on inhparent = whole.id join pg_class on pg_class.oid = inhrelid
    ), sized as (
        select kind, sum(greatest(reltuples, 0)) as rows from counted group by kind
    )
    select (select json_object_agg(language, cells) from spoken) as languages,
        (select json_object_agg(language, asked) from spoken) as asked,
        (select json_agg(array[first, "end"] order by first desc) from ({LISTED}) as part)
            as ranges,
        (select json_object_agg(kind, rows) from sized) as sizes,
        {", ".join(f"set_config('{name}', '{value}', true)" for name, value in _SETTINGS.items())}
"""  # noqa: S608 (nothing here comes from outside)
"""What a search must know: the languages, and whether cells are in them (a cell is in its
collection's, a line in its own where that is known), and the words asked for in each; the
partitions, the newest first, for what was read before may be superseded; about how many pages were
read, and lines and cells there are."""


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
        self._most = max(_CANDIDATES, limit)
        self._after = after
        self._collection = collection
        around = connection.execute(
            text(_AROUND), {"collection": collection, "query": quoted(words)}
        ).one()
        self._cells_have: dict[str, bool] = around.languages or {}
        self._asked: dict[str, str] = around.asked or {}
        self._ranges: list[tuple[int, int]] = around.ranges
        self._sizes: dict[str, float] = around.sizes
        number = words.replace("−", "-").replace("·", ".")
        self._value = float(number) if _NUMBER.fullmatch(number) else None
        self._within = "" if collection is None else "page.collection_id = :collection"
        self._pages = self._sizes["transcription"]
        if collection is not None:
            self._pages = self._expected({"page": f"mill.page where {self._within}"}, {})["page"]

    def by_value(self) -> None:
        """Look for a number, if that is what is asked for."""
        if self._value is not None and self._after[0] <= 0:
            self._add(0, {"cell": "hit.value = :value"}, "1.0::real", {})

    def by_words(self) -> None:
        queries = {language: with_beginnings(query) for language, query in self._asked.items()}
        self._matching(1, queries, {}, "ts_rank(hit.search, {asked}, 1)")

    def fuzzy(self) -> None:
        """Look for the words of the vocabulary that are spelled like those asked for.

        The nearest are tried alone first, so that hits on a common word do not crowd them out.
        """
        before: list[list[str]] = []
        seen: dict[str, str] = {}
        for step, least in enumerate(_SIMILARITIES, 1):
            if len(self.hits) >= self._limit:
                break
            choices = self._similar_words(least)
            if choices == before or not all(choices):
                continue
            before = choices
            asked = {}
            for language in self._cells_have:
                any_of = (_any_of(self._connection, language, choice) for choice in choices)
                asked[language] = " & ".join(filter(None, any_of))
            self._matching(step, asked, seen, "word_similarity(:query, hit.text)")
            seen = asked

    def _similar_words(self, least: float) -> list[list[str]]:
        """Return, for each word asked for, those at least so similar.

        Numbers stand for themselves: one digit off is another number, not a misspelt one. So do
        pairs of characters, of which most must be there, or a few.
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
                " ) as found on asked.lexeme ~ '[[:alpha:]]' and asked.lexeme !~ :unspaced"
                " order by asked.lexeme"
            ),
            {"query": self._words, "most": _SIMILAR_WORDS, "unspaced": f"[{UNSPACED}]"},
        ).all()
        self._connection.execute(text("set local enable_seqscan to default"))
        similar: dict[str, list[str]] = {}
        if pairs := [asked for asked, _ in rows if has_unspaced(asked)]:
            similar[""] = nearly(pairs, least == _SIMILARITIES[0])
        for asked, word in rows:
            if has_unspaced(asked):
                continue
            words = similar.setdefault(asked, [])
            if word is not None:
                words.append(word)
            elif not any(character.isalpha() for character in asked):
                words.append(asked)
        return list(similar.values())

    def _matching(
        self, step: int, asked: Mapping[str, str], seen: Mapping[str, str], score: str
    ) -> None:
        """Add the lines and cells that match the tsquery of their language, but not the one before.

        Languages that ask for the same are looked through together.
        """
        if self._after[0] > step:
            return
        alike: dict[tuple[str, str], list[str]] = {}
        for language, query in asked.items():
            if query:
                alike.setdefault((query, seen.get(language, "")), []).append(language)
        for (query, before), languages in alike.items():
            condition = (
                "hit.search @@ {asked} and hit.language = any(cast(:languages as regconfig[]))"
            )
            if before:
                condition += " and not hit.search @@ cast(:before as tsquery)"
            if self._value is not None:
                condition += " and {value} is distinct from :value"
            conditions = {"line": condition.format(asked=_ASKED, value="null::double precision")}
            if any(self._cells_have[each] for each in languages):
                conditions["cell"] = condition.format(asked=_ASKED, value="hit.value")
            parameters = {"asked": query, "languages": languages, "before": before}
            self._add(step, conditions, score.format(asked=_ASKED), parameters)

    def _add(
        self, step: int, conditions: Mapping[str, str], score: str, parameters: dict[str, Any]
    ) -> None:
        """Add the hits of each kind that meet its condition and come after the place to go on from.

        The candidates are found, joined and cut off before any is ranked.
        """
        expected = self._expected(
            {kind: f"mill.{kind} as hit where {met}" for kind, met in conditions.items()},
            parameters,
        )
        parts = []
        for kind, condition in conditions.items():
            pages = self._pages_to_read(kind, expected[kind])
            candidates = f"{self._from_index(kind, condition)} limit {self._most}"
            if pages is not None:
                read = f"{self._from_pages(kind, condition, pages)} limit {self._most}"
                candidates = _either(read, candidates, self._most)
            parts.append(f"({_best(kind, candidates, score)})")
        reached, less_score, less_confidence, *place = self._after
        names = ("page", "table", "row", "column", "line")
        found = self._connection.execute(
            text(" union all ".join(parts)),
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

    def _from_index(self, kind: str, condition: str) -> str:
        """Return a query for the hits as the index lists them, the newest partition first."""
        ranges = [
            f"select * from mill.{kind} as hit where transcription_id >= {first}"  # noqa: S608
            f" and transcription_id < {end} and {condition}"
            for first, end in self._ranges
        ]
        within = f"and {self._within}" if self._within else ""
        # `offset 0`: the planner takes the hits to lie all over the place, and would rather look
        # at every line there is than look up the pages of these.
        return f"""
            select hit.*, reading.*
            from ({" union all ".join(ranges)}) as hit
            cross join lateral (
                select {_READING} where transcription.id = hit.transcription_id {within} offset 0
            ) as reading
        """  # noqa: S608 (nothing here comes from outside)

    def _from_pages(self, kind: str, condition: str, pages: int) -> str:
        """Return a query for the hits on so many pages, the newest transcription first."""
        within = f"where {self._within}" if self._within else ""
        return f"""
            select hit.*, page_id, page, collection_id, run_id
            from (
                select transcription.id as reading_id, {_READING} {within}
                order by transcription.id desc limit {pages}
            ) as reading
            cross join lateral (
                select * from mill.{kind} as hit
                where hit.transcription_id = reading_id and {condition} offset 0
            ) as hit
        """  # noqa: S608 (nothing here comes from outside)

    def _pages_to_read(self, kind: str, listed: float) -> int | None:
        """Return how many pages to look through, at most, for candidates of so many hits;
        None where the index finds them sooner.
        """
        all_pages = max(1.0, self._sizes["transcription"])
        pages = max(1.0, min(self._pages, all_pages))
        checked = min(listed, self._most * all_pages / pages)
        read = min(pages, self._most * all_pages / listed)
        # Of a collection either its own pages are opened or, newest first, those of all.
        opened = min(pages, read * all_pages / pages)
        by_page = opened * _OPENED + read * self._sizes[kind] / all_pages * _LOOKED_AT
        sooner = by_page < listed * _LISTED + checked * _CHECKED
        return math.ceil(read * _FARTHER) if sooner else None

    def _expected(self, sought: Mapping[str, str], parameters: dict[str, Any]) -> dict[str, float]:
        """Return how many rows of each table the planner expects to find, at least one."""
        rows = " union all ".join(f"select from {each}" for each in sought.values())
        said = {**parameters, "value": self._value, "collection": self._collection}
        plan = self._connection.scalar(text(f"explain (format json) {rows}"), said)
        counts = dict.fromkeys(sought, 1.0)
        waiting = [plan[0]["Plan"]]
        while waiting:
            node = waiting.pop()
            if "Relation Name" in node:
                kind = node["Relation Name"].partition("_")[0]
                counts[kind] += float(node["Plan Rows"])
            else:
                waiting += node.get("Plans", [])
        return counts


def _either(read: str, listed: str, most: int) -> str:
    """Return a query for the candidates that are `read`, or for those `listed` where they are few.

    Words that the planner takes for common may be rare: nobody waits for all pages to be read.
    """
    return f"""
        with read as materialized ({read}), enough as (select count(*) >= {most} as so from read)
        select * from read where (select so from enough)
        union all select * from ({listed}) as listed where not (select so from enough)
    """  # noqa: S608 (nothing here comes from outside)


def _best(kind: str, candidates: str, score: str) -> str:
    """Return a query for the best candidates that come after the place to go on from."""
    return f"""
        with candidate as materialized ({candidates}), best as (
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
                :page, :table, :row, :column, :line)
        order by hit.score desc, hit.confidence desc, {_KEYS[kind].replace(", -1", "")}
        limit :limit
    """  # noqa: S608 (nothing here comes from outside)


_ASKED = "cast(:asked as tsquery)"

_READING = """page.id as page_id, page.name as page, page.collection_id, transcription.run_id
    from mill.transcription
    join mill.page on page.id = transcription.page_id
        and page.current_run_id = transcription.run_id"""


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
