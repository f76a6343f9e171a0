from __future__ import annotations

import random

import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.errors import BadInput
from storage import search as search_module
from storage.runs import ensure_run
from storage.search import Hit, search
from storage.transcriptions import save
from tests.storage.pages import MakePage, box, transcription


@pytest.fixture
def ledger(connection: sqlalchemy.Connection, make_page: MakePage, run_id: int) -> int:
    page = make_page("ledger-1")
    save(
        connection,
        page,
        run_id,
        transcription(
            ("Meteorological Register,", "Remarks.The winds were max/min variable"),
            [["DAY", "BAROMETER."], ["1", "29.874"], ["2", "30.1"]],
        ),
    )
    connection.commit()
    return page


def _texts(hits: list[Hit]) -> list[str]:
    return [hit.text for hit in hits]


@pytest.mark.parametrize("query", ["barometer", "BAROMETER", "Barometer!", '"barometer."'])
def test_case_and_punctuation_do_not_matter(
    connection: sqlalchemy.Connection, ledger: int, query: str
) -> None:
    assert _texts(search(connection, query)) == ["BAROMETER."]


def test_a_hit_says_where_it_is(connection: sqlalchemy.Connection, ledger: int) -> None:
    cell, line = search(connection, "barometer")[0], search(connection, "register")[0]
    assert (cell.collection, cell.page, cell.page_id) == ("ledgers", "ledger-1", ledger)
    assert (cell.kind, cell.number, cell.table, cell.row, cell.column) == ("cell", None, 0, 0, 1)
    assert cell.polygon == box(100, 0)
    assert cell.confidence == pytest.approx(0.9)
    assert cell.run == "default@abababab+0.1.0"
    assert (line.kind, line.number, line.table, line.row, line.column) == (
        "line",
        0,
        None,
        None,
        None,
    )
    assert line.polygon == box(10, 0)


@pytest.mark.parametrize("query", ["remarks", "winds", "wind", "max", "min", "varying or variable"])
def test_words_are_found_in_any_form_and_where_a_space_is_missing(
    connection: sqlalchemy.Connection, ledger: int, query: str
) -> None:
    assert _texts(search(connection, query)) == ["Remarks.The winds were max/min variable"]


@pytest.mark.parametrize("query", ["barometer register", "winds -variable", '"variable winds"'])
def test_all_words_must_be_there_and_phrases_in_order(
    connection: sqlalchemy.Connection, ledger: int, query: str
) -> None:
    assert search(connection, query) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("barumeter", "BAROMETER."),
        ("baroneter", "BAROMETER."),
        ("metorological registr", "Meteorological Register,"),
        ("barometer", "BAROMETER."),
    ],
)
def test_fuzzy_search_finds_what_is_spelled_nearly_so(
    connection: sqlalchemy.Connection, ledger: int, query: str, found: str
) -> None:
    assert found in _texts(search(connection, query, fuzzy=True))
    assert search(connection, "barumeter") == []


def test_fuzzy_search_puts_the_nearest_first_and_finds_no_stranger(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    lines = ("barometers", "thermometer", "BAROMETER", "baronet", "hygrometry", "Tuesday")
    save(connection, make_page("a"), run_id, transcription(lines))
    found = _texts(search(connection, "barometer", fuzzy=True))
    assert found[:2] == ["BAROMETER", "barometers"]
    assert "Tuesday" not in found


def test_what_was_misread_is_found_by_what_stood_there(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    """One letter of each word is replaced: nearly all are found again."""
    words = ["thermometer", "barometer", "observations", "temperature", "precipitation", "humidity"]
    words += ["evaporation", "direction", "meteorological", "maximum", "corrected", "pressure"]
    generator = random.Random(7)
    found = 0
    for number, word in enumerate(words):
        place = generator.randrange(len(word))
        misread = word[:place] + generator.choice("xqzk") + word[place + 1 :]
        page = make_page(str(number))
        save(connection, page, run_id, transcription((misread.upper(),)))
        found += page in [hit.page_id for hit in search(connection, word, fuzzy=True)]
    assert found >= len(words) - 1


@pytest.mark.parametrize("query", ["29.874", "+29.874", "29·874"])
def test_a_number_is_found_among_the_values(
    connection: sqlalchemy.Connection, ledger: int, query: str
) -> None:
    (hit,) = search(connection, query)
    assert (hit.value, hit.row, hit.column) == (29.874, 1, 1)


def test_numbers_are_never_nearly_right(connection: sqlalchemy.Connection, ledger: int) -> None:
    assert search(connection, "29.875", fuzzy=True) == []


def test_only_current_transcriptions_count(
    connection: sqlalchemy.Connection, ledger: int, run_id: int
) -> None:
    newer = ensure_run(connection, "better", "cd" * 32, "0.1.0", {})
    save(connection, ledger, newer, transcription(("Thermometer",), [["x", "31.5"]]))
    assert search(connection, "barometer") == []
    assert search(connection, "barometer", fuzzy=True, limit=1)[0].text == "Thermometer"
    assert search(connection, "29.874") == []
    assert _texts(search(connection, "thermometer")) == ["Thermometer"]


def test_collections_are_searched_in_their_own_language(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    for name, language, line in (
        ("en", "english", "the winds"),
        ("de", "german", "die Winde"),
        ("ko", "simple", "기온표를 보라"),
    ):
        save(connection, make_page(name, name, language), run_id, transcription((line,)))
    assert _texts(search(connection, "wind")) == ["the winds", "die Winde"]
    assert _texts(search(connection, "wind", collection="de")) == ["die Winde"]
    assert _texts(search(connection, "기온표를")) == ["기온표를 보라"]
    assert _texts(search(connection, "기온표", fuzzy=True)) == ["기온표를 보라"]
    assert search(connection, "the") == [], "a word that a language ignores is no error"
    with pytest.raises(BadInput, match="no such collection"):
        search(connection, "wind", collection="fr")


def test_the_limit_holds(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    save(connection, make_page("a"), run_id, transcription(("rain",) * 30))
    assert len(search(connection, "rain", limit=7)) == 7
    assert len(search(connection, "raim", fuzzy=True, limit=7)) == 7


@pytest.mark.parametrize(
    ("query", "fuzzy"), [("rain", False), ("rain or hail", False), ("rainfal 7", True), ("7", True)]
)
def test_hits_come_page_by_page_each_once_whatever_is_read_meanwhile(
    connection: sqlalchemy.Connection,
    make_page: MakePage,
    run_id: int,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    fuzzy: bool,
) -> None:
    monkeypatch.setattr(search_module, "_CANDIDATES", 10_000)  # all that is read meanwhile, too
    generator = random.Random(11)
    words = ["rain", "rains", "rainfall", "rainfell", "hail", "7", "7 rain", "wind"]

    def read(name: str) -> None:
        lines = tuple(" ".join(generator.choices(words, k=3)) for _ in range(4))
        grid = [generator.choices(words, k=3) for _ in range(3)]
        save(connection, make_page(name), run_id, transcription(lines, grid))

    for number in range(6):
        read(f"page-{number}")
    whole = search(connection, query, fuzzy=fuzzy, limit=1000)
    assert len(whole) > 15
    found: list[Hit] = []
    while some := search(
        connection, query, fuzzy=fuzzy, limit=4, after=found[-1].cursor if found else None
    ):
        assert len(some) <= 4
        found += some
        read(f"later-{len(found)}")
    places = [(hit.page_id, hit.table, hit.row, hit.column, hit.number) for hit in found]
    assert len(places) == len(set(places))
    assert [hit for hit in found if not hit.page.startswith("later")] == whole


@pytest.mark.parametrize("after", ["", "x", "é", "bnVsbA", "W10", "WzEsMixbXSwxLDIsMyw0LDVd"])
def test_what_is_no_cursor_is_refused(connection: sqlalchemy.Connection, after: str) -> None:
    with pytest.raises(BadInput, match="cursor"):
        search(connection, "rain", after=after)


def test_what_is_superseded_does_not_hide_what_is_current(
    connection: sqlalchemy.Connection,
    make_page: MakePage,
    run_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search_module, "_CANDIDATES", 3)
    newer = ensure_run(connection, "better", "cd" * 32, "0.1.0", {})
    pages = [make_page(str(number)) for number in range(4)]
    for run in (run_id, newer):
        for page in pages:
            save(connection, page, run, transcription(("rain",) * 2))
    first = search(connection, "rain", limit=2)
    rest = search(connection, "rain", limit=2, after=first[-1].cursor)
    assert (len(first), len(rest)) == (2, 1)


def test_a_word_that_is_rarer_than_expected_is_found_all_the_same(
    connection: sqlalchemy.Connection,
    make_page: MakePage,
    run_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = dict.fromkeys(("line", "cell", "page"), 1e9)
    monkeypatch.setattr(search_module._Search, "_expected", lambda *_: expected)
    save(connection, make_page("first"), run_id, transcription(("rare",), [["rare"]]))
    for number in range(8):
        save(connection, make_page(str(number)), run_id, transcription(("rain",)))
    found = search(connection, "rare")
    assert [(hit.page, hit.kind) for hit in found] == [("first", "cell"), ("first", "line")]


@pytest.mark.parametrize("query", ["", "  ", "...", "\0", "x" * 5000])
def test_queries_with_nothing_to_find_say_so(connection: sqlalchemy.Connection, query: str) -> None:
    with pytest.raises(BadInput):
        search(connection, query)


@pytest.mark.parametrize("fuzzy", [False, True])
@pytest.mark.parametrize(
    "query",
    ["'; drop table mill.page; --", "a & | !", "%s %(query)s :query", '"unclosed', "a\\", "(("],
)
def test_signs_in_a_query_mean_nothing(
    connection: sqlalchemy.Connection, ledger: int, query: str, fuzzy: bool
) -> None:
    if any(c.isalnum() for c in query):
        search(connection, query, fuzzy=fuzzy)


def test_a_search_that_takes_too_long_is_ended(
    connection: sqlalchemy.Connection, ledger: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> None:
        connection.execute(text("select pg_sleep(20)"))

    monkeypatch.setattr(search_module, "_SECONDS", 1)
    monkeypatch.setattr(search_module._Search, "by_words", slow)
    with pytest.raises(BadInput, match="took more than 1 s"):
        search(connection, "word")


def test_searches_use_the_indexes(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    """With a few thousand lines, as with millions: no statement reads a table from end to end."""
    generator = random.Random(3)

    def word() -> str:
        return "".join(generator.choices("abcdefghijklmnop", k=7))

    for number in range(40):
        lines = tuple(f"{word()} {word()} {word()}" for _ in range(100))
        grid = [[word() for _ in range(6)], *([str(generator.random())] * 6 for _ in range(20))]
        save(connection, make_page(str(number)), run_id, transcription(lines, grid))
    connection.commit()
    connection.execute(text("analyze"))
    statements: list[tuple[str, object]] = []

    def note(*arguments: object) -> None:
        statements.append((str(arguments[2]), arguments[3]))

    sqlalchemy.event.listen(connection, "before_cursor_execute", note)
    search(connection, "abcdefg hijklmn")
    search(connection, "abcdefg", fuzzy=True)
    search(connection, "0.25")
    sqlalchemy.event.remove(connection, "before_cursor_execute", note)
    plans = ""
    for statement, parameters in statements:
        if statement.startswith("explain"):
            continue  # the search's own question to the planner
        if "candidate" in statement or "mill.word" in statement:
            statement = f"explain {statement}"
        found = connection.exec_driver_sql(statement, parameters)  # type: ignore[arg-type]
        if statement.startswith("explain"):
            plans += "\n".join(found.scalars())
    for index in ("line_p0_search_idx", "cell_p0_search_idx", "cell_p0_value_idx", "word_trgm_idx"):
        assert index in plans, plans
    for table in ("line_p0", "cell_p0", "word"):
        assert f"Seq Scan on {table}" not in plans


@pytest.mark.parametrize("collection", [None, "ledgers", "other"])
@pytest.mark.parametrize("query", ["wind", "1013.2", "wind 3"])
def test_the_newest_pages_hold_what_the_index_lists(
    connection: sqlalchemy.Connection,
    make_page: MakePage,
    run_id: int,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    collection: str | None,
) -> None:
    for number in range(6):
        page = make_page(str(number), "ledgers" if number % 2 else "other")
        lines = tuple(f"Wind {line} of {number}" for line in range(4))
        save(connection, page, run_id, transcription(lines, [["wind 3"], ["1013.2"]]))
    again = ensure_run(connection, "prose", "ab" * 32, "0.1.0", {})
    save(connection, page, again, transcription(("the wind, read again",)))
    found = []
    for pages in (None, 100):
        monkeypatch.setattr(search_module._Search, "_pages_to_read", lambda *_, most=pages: most)
        found.append(search(connection, query, collection=collection, limit=100))
    assert found[0] == found[1] != []
    assert all(hit.page_id != page or hit.run.startswith("prose") for hit in found[0])


def test_what_stands_on_every_page_is_not_listed_from_the_index(
    connection: sqlalchemy.Connection,
    make_page: MakePage,
    run_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search_module, "_CANDIDATES", 20)
    for number in range(60):
        lines = tuple(f"wind {number} {line}" for line in range(40))
        save(connection, make_page(str(number)), run_id, transcription((*lines, f"rare{number}")))
    connection.execute(text("analyze"))
    look = search_module._Search(connection, "wind", None, 20, search_module._START)
    asked = {"line": "mill.line as hit where hit.search @@ to_tsquery('simple', :word)"}
    common, rare = (look._expected(asked, {"word": word})["line"] for word in ("wind", "rare7"))
    assert rare < 200 < common
    assert look._pages_to_read("line", common) is not None
    assert look._pages_to_read("line", rare) is None
