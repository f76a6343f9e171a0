from __future__ import annotations

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.sources.names import natural_key, shown, stem


def test_numbers_count_as_numbers() -> None:
    wanted = ["1.jpg", "2.jpg", "10.jpg", "page 2", "page 2b", "page 10", "Page 11", "zoo"]
    mixed = wanted[:]
    random.Random(1).shuffle(mixed)
    assert sorted(mixed, key=natural_key) == wanted


@given(st.lists(st.text(max_size=12), max_size=12))
def test_order_is_total(names: list[str]) -> None:
    turned = names[::-1]
    assert sorted(names, key=natural_key) == sorted(turned, key=natural_key)


@given(st.binary(max_size=20).filter(lambda name: b"\0" not in name))
def test_what_is_shown_can_be_stored_and_printed(name: bytes) -> None:
    text = shown(os.fsdecode(name))
    text.encode("utf-8")
    assert all(c.isprintable() for c in text)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("a/b.jpg", "b"), ("b", "b"), ("a.b.tif", "a.b"), ("scan 1.PDF", "scan 1"), ("", "page")],
)
def test_stem(name: str, wanted: str) -> None:
    assert stem(name) == wanted
