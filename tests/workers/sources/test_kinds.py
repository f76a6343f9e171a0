from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bad_input.folder import drawing, encoded, jpeg, pdf, tiff, zipped
from workers.sources.kinds import HEAD, sniff, why_not


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("jpeg", jpeg()),
        ("png", encoded(drawing(1), "PNG")),
        ("webp", encoded(drawing(1), "WEBP")),
        ("jp2", encoded(drawing(1), "JPEG2000")),
        ("jp2", encoded(drawing(1), "JPEG2000", no_jp2=True)),
        ("tiff", tiff(drawing(1))),
        ("tiff", tiff(drawing(1), big_tiff=True)),
        ("pdf", pdf()),
        ("pdf", b"\n\n" + pdf()),
        ("zip", zipped(("a", b"b"))),
        ("zip", zipped()),
        (None, b"GIF89a"),
        (None, b""),
        (None, b"RIFF0000WAVE"),
    ],
)
def test_kind_is_told_by_the_first_bytes(kind: str | None, data: bytes) -> None:
    assert sniff(data[:HEAD]) == kind


@given(st.binary(max_size=64))
def test_there_is_always_a_reason_and_a_remedy(head: bytes) -> None:
    reason, remedy = why_not(head)
    assert reason
    assert remedy


def test_text_cut_within_a_letter_is_text() -> None:
    assert why_not(("x" + "é" * HEAD).encode()[:HEAD])[0] == "it is text, not an image"
