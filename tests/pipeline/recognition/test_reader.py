"""One recognizer: the same reading in any company, calibrated as its file says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.models.load import model_path, write_recognizer
from pipeline.recognition.network import Recognizer, RecognizerConfig
from pipeline.recognition.reader import LineReader, load_reader, second_of
from pipeline.recognition.second import LOOKS, UNSURE, agree, stretched

ALPHABET = "0123456789."
CONFIG = RecognizerConfig(
    ALPHABET, height=16, least=8, area=512, channels=(2, 2, 4), width=16, layers=1
)


@pytest.fixture(scope="module")
def network() -> Recognizer:
    torch.manual_seed(7)
    return Recognizer(CONFIG).eval()


def crops() -> list[np.ndarray]:
    draw = np.random.default_rng(3)
    return [draw.integers(0, 255, (20, width), np.uint8) for width in (30, 60, 31, 200, 12, 62)]


def test_a_crop_reads_the_same_in_any_company(network: Recognizer) -> None:
    together = LineReader(network, {}, 2).read(crops())
    others = LineReader(network, {}, 64)
    for crop, reading in zip(crops(), together, strict=True):
        (alone,) = others.read([crop])
        assert alone.text == reading.text
        assert alone.confidence == pytest.approx(reading.confidence, rel=1e-2)
    assert others.read([]) == []


def test_a_pattern_is_kept_to(network: Recognizer) -> None:
    for reading in LineReader(network, {}, 4).read(crops()[:3], r"/\d\d\.\d/"):
        assert len(reading.text) == 4
        assert reading.text[2] == "."


def test_confidence_is_as_the_file_says(network: Recognizer) -> None:
    kept = {"calibration": {"line": [0.0, 0.0, 0.0, 0.0, 0.0], "character": [0.0, 0.0]}}
    for plain, mended in zip(
        LineReader(network, {}, 4).read(crops()),
        LineReader(network, kept, 4).read(crops()),
        strict=True,
    ):
        assert mended.text == plain.text
        assert mended.confidence == pytest.approx(0.5)
        assert mended.characters == pytest.approx([0.5] * len(plain.characters))


def test_a_second_network_is_asked_where_the_first_is_unsure(tmp_path: Path) -> None:
    paths = [tmp_path / "numeric.safetensors", tmp_path / "numeric-second.safetensors"]
    for seed, path in enumerate(paths):
        torch.manual_seed(seed)
        network = Recognizer(CONFIG)
        write_recognizer(path, network, network.state_dict())
    assert second_of(paths[0]) == paths[1]
    assert second_of(paths[1]) is None
    named = tmp_path / "adapted.safetensors"
    write_recognizer(named, network, network.state_dict(), second="numeric-second")
    assert second_of(named) == model_path("numeric-second")
    write_recognizer(named, network, network.state_dict(), second="../numeric-second")
    assert second_of(named) is None
    gray = crops()
    black = [np.where(crop < 128, 0, 255).astype(np.uint8) for crop in gray]
    both = load_reader(paths[0], "cpu", 8)
    alone = LineReader(both.network, {}, 8)
    own = alone.read([*gray, *black])
    assert all(reading.confidence < UNSURE for reading in own[: len(gray)])
    assert both.second is not None
    readers = (alone, both.second)
    looks = [
        reader.read([stretched(crop, wide) for crop in gray])
        for widths in LOOKS
        for reader in readers
        for wide in widths
    ]
    told = [agree(said) for said in zip(*looks[: len(readers)], strict=True)]
    asked_again = [agree(said) for said in zip(*looks, strict=True)]
    assert all(reading.confidence < UNSURE for reading in told)
    read = both.read([*gray, *black])
    assert [reading.text for reading in read[: len(gray)]] == [r.text for r in asked_again]
    assert read[len(gray) :] == own[len(gray) :]
