from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.page import Line
from pipeline.prose.languages import Written, identify, script_of
from pipeline.prose.seen import look

LANGUAGES = ("de", "en", "es", "fr", "it", "ko", "nl", "pt")
FRENCH = ["Vente par monsieur Dubois, demeurant à Paris", "rue", "de la maison où il est né", "12"]
ENGLISH = "I have the honor to accept your invitation to act as one of the pallbearers"


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("평균기온은 12.5 C", "Kore"),
        ("大韓民國의 憲法", "Kore"),
        ("気温は高い", "Jpan"),
        ("氣溫觀測", "Hani"),
        ("Ветер", "Cyrl"),
        ("fête, ſo", "Latn"),
        ("12.5 °", None),
    ],
)
def test_the_script_is_that_of_most_letters(text: str, script: str | None) -> None:
    assert script_of(text) == script


def test_a_short_line_takes_the_language_of_its_page() -> None:
    found = identify([*FRENCH, ENGLISH], LANGUAGES)
    assert [line.language for line in found] == ["fr", "fr", "fr", None, "en"]


def test_a_few_letters_are_in_no_language() -> None:
    assert identify(["Barometer", "29.5"], LANGUAGES) == [
        Written("Latn", None),
        Written(None, None),
    ]


def test_scripts_of_one_language_need_no_guess() -> None:
    found = identify(["평균기온은", "平均", "Ветер", ENGLISH], LANGUAGES)
    assert [line.language for line in found] == ["ko", "ko", None, "en"]


def test_what_no_reader_could_read_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    class Router:
        def weigh(self, crops: list[object]) -> np.ndarray:
            return np.array([[0.0, 0.1, 0.9], [0.1, 0.2, 0.7], [0.0, 0.8, 0.2]], np.float32)

    monkeypatch.setattr("pipeline.prose.seen._router", Router)
    box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    crops = [np.zeros((9, 9), np.uint8)] * 3

    def read(confidence: float) -> list[tuple[int, Line]]:
        return [(i, Line("ol 2 L", confidence, box)) for i in range(3)]

    def seen_of(pages: list[tuple[int, Line]]) -> list[str | None]:
        return [line.script for _, line in look(pages, crops, LANGUAGES)]

    seen = seen_of(read(0.2))
    assert seen == ["Kore", "Kore", None]
    assert seen_of(read(0.8)) == [None] * 3
    assert seen_of([(i, replace(line, text=ENGLISH)) for i, line in read(0.2)]) == [None] * 3
    assert [line.script for _, line in look(read(0.2), crops, ("de", "fr"))] == [None] * 3
    assert look(read(0.2), crops, ("ko",))[0][1].script == "Kore"
    assert [w.language for w in identify(["ol 2 L"] * 3, LANGUAGES, seen)] == ["ko", "ko", None]
