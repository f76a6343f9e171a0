import unicodedata

import pytest

from pipeline.recognition.alphabets import ALPHABETS


@pytest.mark.parametrize("name", ["numeric", "latin", "korean"])
def test_no_character_twice(name: str) -> None:
    assert len(set(ALPHABETS[name])) == len(ALPHABETS[name])


@pytest.mark.parametrize("name", ["latin", "korean"])
def test_texts_come_out_composed(name: str) -> None:
    for character in ALPHABETS[name]:
        assert unicodedata.normalize("NFC", character) == character


def test_latin_writes_old_print_and_prices() -> None:
    assert set("Daß ſie für £3 ½ d’œuvre — «ça» № 12 § 4 † €") <= set(ALPHABETS["latin"])


def test_korean_has_the_syllables_of_the_standard() -> None:
    syllables = [c for c in ALPHABETS["korean"] if "가" <= c <= "힣"]
    assert len(syllables) == 2350
    assert syllables[0] == "가"
    assert syllables[-1] == "힝"
    assert syllables == sorted(syllables)
