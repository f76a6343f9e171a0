from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.prose.tagging import find_tags


@pytest.mark.parametrize(
    ("text", "language", "values"),
    [
        ("San Jose Cal. March 22nd, 1905.", "en", ["San Jose", "1905-03-22"]),
        ("the 5th of March, 1898", "en", ["1898-03-05"]),
        ("le 1er janvier 1830 à Tours", "fr", ["1830-01-01", "Tours"]),
        ("le 12 Xbre 1850", "fr", ["1850-12-12"]),
        ("den 3. März 1805 zu München", "de", ["1805-03-03", "Munich"]),
        ("am 5.3.1898", "de", ["1898-03-05"]),
        ("1898년 3월 5일 서울에서", "ko", ["1898-03-05", "Seoul"]),
        ("3월 5일 평균", "ko", ["--03-05"]),
        ("février 1830", "fr", ["1830-02"]),
        ("le 6 mars", "fr", ["--03-06"]),
        ("29 February 1900", "en", ["1900-02"]),
        ("they may march on, set 5 out", "en", []),
        ("1898-03-05T00", "en", []),
        ("in 12.5.3.1898", "de", []),
    ],
)
def test_dates_and_places(text: str, language: str, values: list[str]) -> None:
    found = [tag for tag in find_tags(text, language) if tag.kind != "quantity"]
    assert [tag.value for tag in found] == values


@pytest.mark.parametrize(
    ("text", "quantities"),
    [
        ("at 29.87 in. and 12° C", [("[in_i]", 29.87), ("Cel", 12.0)]),
        ("rain 3,5 mm, wind 12 km/h", [("mm", 3.5), ("km/h", 12.0)]),
        ("minus -3,5° R", [("[degRe]", -3.5)]),
        ("45° F. for 9 hours", [("[degF]", 45.0), ("h", 9.0)]),
        ("기온은 12.5도", [("deg", 12.5)]),
        ("Room 12, 4 men", []),
        ("No. 12C", []),
        ("1° de Mr Riant, 2° de", []),
    ],
)
def test_quantities(text: str, quantities: list[tuple[str, float]]) -> None:
    found = [tag for tag in find_tags(text, None) if tag.kind == "quantity"]
    assert [(tag.value, tag.number) for tag in found] == quantities


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("It was nice to be in Reading", ["Reading"]),
        ("Reading is a pleasure", []),
        ("mobile, Mobile and nice", []),
        ("demeurant à Nice", ["Nice"]),
        ("at Fort William, 1898", ["Fort William"]),
        ("Fort William is", []),
        ("zu Köln und in Genève", ["Köln", "Geneva"]),
        ("rue de Londres", ["London"]),
        ("Jacques Léon et Eugène", []),
        ("부산의 날씨", ["Busan"]),
    ],
)
def test_a_small_town_needs_a_word_beside_it(text: str, places: list[str]) -> None:
    language = "ko" if re.search("[가-힣]", text) else None
    found = find_tags(text, language)
    assert [tag.value for tag in found] == places
    assert all(re.fullmatch(r"geonames:\d+", tag.reference or "") for tag in found)


@settings(max_examples=80, deadline=None)
@given(st.text(st.sampled_from("12° Cmarch Paris,5.-월일년à"), max_size=30))
def test_tags_lie_within_the_text_and_apart(text: str) -> None:
    end = 0
    for tag in find_tags(text, None):
        assert end <= tag.start < tag.end <= len(text)
        assert text[tag.start : tag.end].strip()
        end = tag.end
