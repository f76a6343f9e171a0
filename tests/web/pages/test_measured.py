"""The small grammar of questions about values."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BadInput
from web.reading.measured import Condition, Question, is_question, parse


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("value between 29 and 30", Question((Condition((), "between", 29, 30),))),
        ("value>=29,5", Question((Condition((), ">=", 29.5),))),
        ("p = 29.9 inHg", Question((Condition(("p",), "=", 29.9, unit="[in_i'Hg]"),))),
        (
            "temperature < −10 in 1947",
            Question(
                (Condition(("ta", "Tx", "Tn"), "<", -10),),
                datetime.date(1947, 1, 1),
                datetime.date(1948, 1, 1),
            ),
        ),
        (
            "rain > 1 in in December 1899",
            Question(
                (Condition(("rr",), ">", 1, unit="[in_i]"),),
                datetime.date(1899, 12, 1),
                datetime.date(1900, 1, 1),
            ),
        ),
        (
            "Tn < 0 C and Tn > -5 C from 1880 to 1899",
            Question(
                (Condition(("Tn",), "<", 0, unit="Cel"), Condition(("Tn",), ">", -5, unit="Cel")),
                datetime.date(1880, 1, 1),
                datetime.date(1900, 1, 1),
            ),
        ),
    ],
)
def test_questions(query: str, expected: Question) -> None:
    assert is_question(query)
    assert parse(query) == expected


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("temperatur < 3", "'temperatur' is no variable; name one of"),
        ("value between 30 and 29", "30 is more than 29"),
        ("temperature < 3 in 1947 in 1948", "two times"),
        ("value < 3 in 1947", "cells as such have no time"),
        ("value < 3 and temperature < 3", "mixes"),
        ("temperature < 3 and rain > 2", "two variables"),
        ("temperature < 3 in Foo 1947", "'Foo' is no month"),
        ("temperature < 3 from 1950 to 1940", "1940 is before 1950"),
        ("rain > 1 tomorrow", "'tomorrow' is not understood"),
        ("< 3", "is not understood"),
    ],
)
def test_what_is_not_understood_is_said_with_the_remedy(query: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as failure:
        parse(query)
    assert ";" in str(failure.value)


@pytest.mark.parametrize(
    "query", ["barometer", '"total rain"', "29.9", "rain or snow -hail", "a=b"]
)
def test_words_are_no_questions(query: str) -> None:
    assert not is_question(query)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused_in_one_line(query: str) -> None:
    said = ""
    try:
        parse(query)
    except BadInput as error:
        said = str(error)
    assert "\n" not in said
