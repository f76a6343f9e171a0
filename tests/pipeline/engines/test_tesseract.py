"""Tesseract behind the engines' protocol; what needs the program itself is left out without it."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.engines import tesseract
from pipeline.engines.tesseract import Tesseract, load, weights_digest
from pipeline.errors import LedgermillError
from pipeline.page import Reading
from pipeline.profiles import Profile

PROFILE = Profile(name="test", engine="tesseract")

installed = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract not installed")


def written(text: str, height: int = 60) -> np.ndarray:
    crop = np.full((60, 30 + 26 * len(text)), 235, np.uint8)
    cv2.putText(crop, text, (12, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 20, 3)
    return cv2.resize(crop, None, fx=height / 60, fy=height / 60, interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def engine() -> Tesseract:
    return load(PROFILE, "auto", 2)


@installed
def test_crops_are_read_in_order_whatever_their_company(engine: Tesseract) -> None:
    texts = ["2974", "barometer", "31", "06"]
    crops = [written(text) for text in texts]
    blank = np.full((3, 2), 200, np.uint8)
    together = engine.recognize([*crops, blank])
    assert [reading.text for reading in together[:4]] == texts
    assert (together[4].text.strip("—-"), together[4].confidence) == ("", 0.0)
    alone = [engine.recognize([crop])[0] for crop in crops]
    assert alone == together[:4]
    assert all(0.5 < reading.confidence <= 1 for reading in together[:4])
    assert all(reading.alternatives[0].text == reading.text for reading in together)
    assert engine.recognize([]) == []


@installed
def test_as_a_number_no_letter_is_read(engine: Tesseract) -> None:
    (reading,) = engine.recognize([written("OI2S", 24)], "numeric")
    assert not any(character.isalpha() for character in reading.text)
    crop = written("2974")
    assert engine.recognize([crop], r"/\d{4}/")[0].text == "2974"
    assert engine.recognize([crop], r"/\d{3}/")[0] == Reading("", 0.0)
    with pytest.raises(LedgermillError, match="choose one of"):
        engine.recognize([], "roman")


@installed
def test_lines_are_found_where_they_are() -> None:
    page = np.full((400, 900), 240, np.uint8)
    page[100:160, 200:590] = written("hourly means x")[:, :390]
    page[250:310, 50:210] = written("29.87")
    reduced = PROFILE.model_copy(
        update={"detection": PROFILE.detection.model_copy(update={"longest_side": 450})}
    )
    for profile in (PROFILE, reduced):
        boxes = load(profile, "cpu", 1).detect(page)
        assert boxes.dtype == np.float32
        assert boxes.shape[1:] == (4, 2)
        low, high = sorted(boxes.tolist(), key=lambda box: box[0][1])
        assert 100 <= low[0][1] < low[2][1] <= 165
        assert 200 <= low[0][0] < 225
        assert 250 <= high[0][1] < high[2][1] <= 315
        assert low[0][0] == low[3][0] < low[1][0] == low[2][0]  # clockwise from the top left
    assert load(PROFILE, "cpu", 1).detect(np.full((50, 50), 255, np.uint8)).shape == (0, 4, 2)


@installed
def test_the_digest_is_that_of_the_engine_and_depends_on_the_languages(engine: Tesseract) -> None:
    assert weights_digest(PROFILE) == engine.digest
    assert len(engine.digest) == 64


@installed
@pytest.mark.parametrize("languages", ["xx", "eng+xx", "../eng", "-c", "eng osd", ""])
def test_languages_that_are_not_there_are_refused(languages: str) -> None:
    recognition = PROFILE.recognition.model_copy(update={"weights": languages})
    profile = PROFILE.model_copy(update={"recognition": recognition})
    if languages == "":
        assert weights_digest(profile) == weights_digest(PROFILE)
        return
    with pytest.raises(LedgermillError) as caught:
        load(profile, "auto", 1)
    assert "\n" not in str(caught.value)


def test_without_the_program_the_remedy_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(LedgermillError, match=r"apt-get install -y tesseract-ocr$"):
        load(PROFILE, "auto", 1)


def test_a_gpu_is_refused() -> None:
    with pytest.raises(LedgermillError, match="LEDGERMILL_DEVICE=cpu"):
        load(PROFILE, "cuda:0", 1)


def test_a_program_that_hangs_or_fails_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(0o755)
    with pytest.raises(LedgermillError, match=r"not done after 0 s"):
        tesseract._call([str(program)], 0.2)
    program.write_text("#!/bin/sh\necho 'Failed loading\nmore' >&2\nexit 1\n")
    with pytest.raises(LedgermillError, match="tesseract: Failed loading; see"):
        tesseract._call([str(program)], 10)
    with pytest.raises(LedgermillError, match="cannot be run"):
        tesseract._call([str(tmp_path / "nothing")], 10)
