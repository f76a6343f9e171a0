from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import LedgermillError
from pipeline.page import Alternative, Line, Polygon, Transcription
from pipeline.profiles import Prose, load_profile
from pipeline.prose import annotated, finish, spacing
from pipeline.prose.confusions import confused
from pipeline.prose.hyphens import join
from pipeline.prose.rescore import pieces, rescore
from pipeline.prose.widths import normalized
from pipeline.prose.words import lexicon

NEVER = Prose()
ALL = load_profile("prose").prose


def line(text: str, number: int = 0, *others: str, language: str | None = None) -> Line:
    """Return a line below `number` others; its alternatives are less and less likely."""
    y = 30.0 * number
    box: Polygon = ((0.0, y), (200.0, y), (200.0, y + 20), (0.0, y + 20))
    readings = [Alternative(said, -1.0 - i / 2) for i, said in enumerate((text, *others))]
    return Line(text, 0.4, box, tuple(readings), language=language)


def page(*lines: Line) -> Transcription:
    return Transcription(300, 300, 0.0, lines, ())


def test_nothing_is_made_of_lines_where_nobody_asks() -> None:
    read = page(line("Ｔｅｍｐｅｒａｔｕｒｅ  obser-"), line("vations", 1))
    assert finish(read, NEVER) == read


def test_what_was_read_is_kept_beside_what_was_made_of_it() -> None:
    read = page(line("Ｔｈｅ　weather of the month was very fine and warm again"))
    [made] = finish(read, ALL).lines
    assert made.text == "The weather of the month was very fine and warm again"
    assert made.raw == read.lines[0].text
    assert (made.script, made.language) == ("Latn", "en")


def test_a_corrected_line_says_what_the_person_said() -> None:
    said = replace(line("Ｔｈｅ weather of the month was very fine and warm again"), corrected=True)
    [made] = finish(page(said), ALL).lines
    assert (made.text, made.raw) == (said.text, None)


@pytest.mark.parametrize(
    ("text", "script", "made"),
    [
        ("Ａ１：　２", None, "A1: 2"),
        ("e\u0301te\u0301", "Latn", "été"),
        ("Acting Ρresident", "Latn", "Acting President"),
        ("Ветер С", "Cyrl", "Ветер С"),
        ("気温、１２。：", "Jpan", "気温、１２。："),
        ("so\u00adft \u200b x", "Latn", "soft x"),
    ],
)
def test_characters_are_written_in_one_way(text: str, script: str | None, made: str) -> None:
    assert normalized(text, script) == made


def test_a_doubtful_word_is_what_is_likely() -> None:
    german = lexicon("de")
    assert german is not None
    said = line(
        "ſo abgemessene Borschriften",
        0,
        "ſo abgemessene Vorschriften",
        "ſo abgenessene Borschriften",
    )
    assert rescore(said.text, said.alternatives, german) == "ſo abgemessene Vorschriften"


def test_each_of_two_doubtful_words_is_chosen_by_itself() -> None:
    english = lexicon("en")
    assert english is not None
    said = line("the wcather was finc", 0, "the weather was finc", "the wcather was fine")
    assert rescore(said.text, said.alternatives, english) == "the weather was fine"


@pytest.mark.parametrize(
    ("word", "language", "among"),
    [
        ("commcnt", "fr", "comment"),
        ("Ju1llet", "fr", "Juillet"),
        ("modem", "en", None),
        ("rnonth", "en", "month"),
        ("밀요일", "ko", "일요일"),
        ("A10", "en", None),
    ],
)
def test_characters_that_look_alike(word: str, language: str, among: str | None) -> None:
    known = lexicon(language)
    assert known is not None
    found = confused(word, known)
    assert (among in found) if among else not found


def test_an_unlikely_syllable_gives_way_to_one_that_looks_like_it() -> None:
    korean = lexicon("ko")
    assert korean is not None
    assert rescore("3월 5일 밀요일에는", (), korean) == "3월 5일 일요일에는"
    assert rescore("평균기온은 높았다", (), korean) == "평균기온은 높았다"


numbers = st.from_regex(r"\A[-+]?[0-9OlI]{0,3}[0-9][.,]?[0-9OlI]{0,3}\Z")


@settings(max_examples=60, deadline=None)
@given(numbers, st.lists(numbers | st.sampled_from(["ill", "10", "oil"]), max_size=3))
def test_a_number_stays_what_was_read(number: str, others: list[str]) -> None:
    said = line(number, 0, *others)
    known = lexicon("en")
    assert known is not None
    assert rescore(said.text, said.alternatives, known) == number


@settings(max_examples=60, deadline=None)
@given(st.text("ab ", max_size=12), st.lists(st.text("ab ", max_size=12), max_size=3))
def test_pieces_are_apart_and_in_order(text: str, others: list[str]) -> None:
    found = pieces(text, [Alternative(said, -1.0) for said in (text, *others)])
    ends = [0, *(piece.end for piece in found)]
    assert all(end <= piece.start < piece.end for end, piece in zip(ends, found, strict=False))
    covered = {i for piece in found for i in range(piece.start, piece.end)}
    assert covered >= {i for i, character in enumerate(text) if character != " "}
    for piece in found:
        assert text[piece.start : piece.end] not in piece.others


@pytest.mark.parametrize(
    ("first", "second", "language", "whole"),
    [
        ("of the obser-", "vations made", "en", "observations"),
        ("a half-", "empty glass", "en", "half-empty"),
        ("vorhan⸗", "den ist", "de", "vorhanden"),
        ("x =", "y + 1", "en", None),
        ("1898-", "99", "en", None),
        ("Reichs-", "Deputation", "de", None),
        ("obser-", "vations", None, "observations"),
    ],
)
def test_a_word_that_a_line_breaks_off_is_put_together(
    first: str, second: str, language: str | None, whole: str | None
) -> None:
    lines = [line(first, 0, language=language), line(second, 1, language=language)]
    found = join(lines, lambda name: lexicon(name) if name else None)
    assert found == [whole, None]


def test_a_word_goes_on_below_and_in_the_same_region() -> None:
    beside = replace(
        line("vations", 1), polygon=((900.0, 30.0), (1000.0, 30.0), (1000.0, 50.0), (900.0, 50.0))
    )
    assert join([line("obser-"), beside], lambda _: None) == [None, None]
    elsewhere = replace(line("vations", 1), region=1)
    assert join([line("obser-"), elsewhere], lambda _: None) == [None, None]
    far = line("vations", 7)
    assert join([line("obser-"), far], lambda _: None) == [None, None]


def test_what_is_said_of_a_text_follows_it() -> None:
    before = finish(page(line("Paris, le 5 mars 1898 et tous les jours de la semaine")), ALL).lines
    assert [tag.value for tag in before[0].tagged] == ["Paris", "1898-03-05"]
    after = annotated([replace(before[0], text="le 6 mars")], ALL)
    assert [tag.value for tag in after[0].tagged] == ["--03-06"]


class Kiwi:
    """Puts a space after every second syllable."""

    def space(self, text: str) -> str:
        return " ".join(text[i : i + 2] for i in range(0, len(text), 2))


def test_only_long_runs_of_korean_get_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.prose.spacing._kiwi", Kiwi)
    read = page(line("평균기온은높았다 a"), line("평균기온은"), line("bcdefghijklm"))
    made = finish(read, Prose(languages=("ko", "en"), spacing=True)).lines
    assert [each.text for each in made] == ["평균 기온 은높 았다 a", "평균기온은", "bcdefghijklm"]
    assert [each.raw for each in made] == ["평균기온은높았다 a", None, None]


def test_what_spaces_need_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    spacing._kiwi.cache_clear()
    with pytest.raises(LedgermillError, match=r"pip install 'ledgermill\[korean\]'"):
        spacing.respaced("평균기온은높았다")
