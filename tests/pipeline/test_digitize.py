"""The stages together, on the committed samples, with the engine that ships."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.digitize import AHEAD, PIXELS, ahead, digitize, stray
from pipeline.engines import Engine, load_engine, weights_digest
from pipeline.errors import LedgermillError
from pipeline.evaluation.tables import canonical
from pipeline.page import Reading, Transcription, from_json
from pipeline.profiles import Preprocessing, Profile, load_profile
from pipeline.recognize import recognize
from pipeline.tables.values import parse_value

SAMPLES = Path(__file__).parents[2] / "samples"
NAMES = ("barometer-comparison", "daily-ledger", "hourly-pressure")


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile("default")


@pytest.fixture(scope="module")
def reader(profile: Profile) -> Engine:
    return load_engine(profile, "cpu", 2)


def truth_of(name: str) -> Transcription:
    return from_json(json.loads((SAMPLES / f"{name}.json").read_text("utf-8")))


def image(name: str) -> np.ndarray:
    pixels = cv2.imread(str(SAMPLES / f"{name}.jpg"), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    return pixels.astype(np.uint8)


@pytest.fixture(scope="module")
def pages(profile: Profile, reader: Engine) -> dict[str, Transcription]:
    return dict(zip(NAMES, digitize(map(image, NAMES), profile, reader), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_samples_table_is_read(pages: dict[str, Transcription], name: str) -> None:
    truth = truth_of(name).tables[0]
    (table,) = pages[name].tables
    assert (table.rows, table.columns) == (truth.rows, truth.columns)
    wanted = {(c.row, c.column): c.value for c in truth.cells if c.value is not None}
    found = {(c.row, c.column): parse_value(c.text) for c in table.cells}
    right = sum(found[place] == value for place, value in wanted.items())
    assert right >= 0.98 * len(wanted)


def test_a_table_vouches_for_what_its_means_prove(pages: dict[str, Transcription]) -> None:
    truth = truth_of("hourly-pressure").tables[0]
    (table,) = pages["hourly-pressure"].tables
    assert "mean" in {each["kind"] for each in table.relations}
    says = {(c.row, c.column): c.text for c in truth.cells}
    verified = [c for c in table.cells if c.status == "verified"]
    assert len(verified) >= 0.85 * sum(c.value is not None for c in truth.cells)
    assert [c for c in verified if canonical(c.text) != canonical(says[c.row, c.column])] == []
    whole = [c.value for c in verified if "mean:pass" in c.checks]
    assert all(value is not None and 27 < value < 32 for value in whole), "first figure omitted"


def test_a_profile_may_leave_tables_unchecked(profile: Profile, reader: Engine) -> None:
    tables = profile.tables.model_copy(update={"check": False})
    unchecked = profile.model_copy(update={"tables": tables})
    (page,) = digitize([image("barometer-comparison")], unchecked, reader)
    (table,) = page.tables
    assert table.relations == ()
    assert {"verified", "repaired"}.isdisjoint(c.status for c in table.cells)


def test_the_title_is_a_line_with_its_place(pages: dict[str, Transcription]) -> None:
    (title,) = [x for x in pages["hourly-pressure"].lines if x.text.startswith("BAROMETER")]
    truth = truth_of("hourly-pressure")
    (there,) = [x for x in truth.lines if x.text.startswith("BAROMETER")]
    off = np.mean(title.polygon, axis=0) - np.mean(there.polygon, axis=0)
    assert np.abs(off).max() < 15
    assert title.alternatives


def test_every_place_of_a_grid_has_one_cell(pages: dict[str, Transcription]) -> None:
    for page in pages.values():
        for table in page.tables:
            places = [(cell.row, cell.column) for cell in table.cells]
            assert sorted(places) == [
                (r, c) for r in range(table.rows) for c in range(table.columns)
            ]


def test_the_same_page_reads_the_same_alone(
    pages: dict[str, Transcription], profile: Profile, reader: Engine
) -> None:
    """Batches across pages do not change what is read: reprocessing must be repeatable."""
    name = "barometer-comparison"
    (alone,) = digitize([image(name)], profile, reader)
    together = pages[name]
    assert [line.text for line in alone.lines] == [line.text for line in together.lines]
    assert alone.tables[0].grid() == together.tables[0].grid()


def test_pages_before_a_failing_one_come_first(profile: Profile, reader: Engine) -> None:
    def images() -> Iterator[np.ndarray]:
        yield np.full((60, 80), 250, np.uint8)
        yield np.full((60, 80), 250, np.uint8)
        raise OSError("the store went away")

    found = digitize(images(), profile, reader)
    assert next(found).lines == ()
    assert next(found).lines == ()
    with pytest.raises(OSError, match="went away"):
        next(found)


class _NoText:
    digest = "0" * 64

    def detect(self, gray: np.ndarray) -> np.ndarray:
        return np.zeros((0, 4, 2), np.float32)

    def recognize(self, crops: Sequence[np.ndarray], charset: str | None = None) -> list[Reading]:
        return [Reading("", 0.0) for _ in crops]


class _Unsure(_NoText):
    def detect(self, gray: np.ndarray) -> np.ndarray:
        return np.array([[(20, 30), (180, 30), (180, 60), (20, 60)]], np.float32)

    def recognize(self, crops: Sequence[np.ndarray], charset: str | None = None) -> list[Reading]:
        return [Reading("29.7", 0.4) for _ in crops]


def test_a_line_less_sure_than_the_profile_asks_is_rejected_but_kept(profile: Profile) -> None:
    for threshold, status in ((0.0, "plain"), (0.5, "rejected")):
        recognition = profile.recognition.model_copy(update={"reject_below": threshold})
        strict = profile.model_copy(update={"recognition": recognition})
        (page,) = digitize([np.full((90, 200), 250, np.uint8)], strict, _Unsure())
        assert [(line.text, line.status) for line in page.lines] == [("29.7", status)]


def test_images_are_pulled_only_a_few_ahead(profile: Profile) -> None:
    pulled = 0

    def images() -> Iterator[np.ndarray]:
        nonlocal pulled
        for _ in range(200):
            pulled += 1
            yield np.full((40, 40), 250, np.uint8)

    found = digitize(images(), profile, _NoText())
    next(found)
    assert pulled <= 20
    found.close()


def test_cut_outs_are_read_in_order(profile: Profile, reader: Engine) -> None:
    page = image("daily-ledger")
    truth = truth_of("daily-ledger").tables[0]
    cells = [c for c in truth.cells if c.column == 1 and c.value is not None][:8]
    crops = []
    for cell in cells:
        (x0, y0), (x1, y1) = np.min(cell.polygon, axis=0), np.max(cell.polygon, axis=0)
        crops.append(page[int(y0) - 5 : int(y1) + 6, int(x0) - 8 : int(x1) + 9])
    texts = [r.text for r in recognize(crops, profile, reader, "numeric")]
    assert sum(t == c.text for t, c in zip(texts, cells, strict=True)) >= 7


def test_the_digest_needs_no_networks(profile: Profile, reader: Engine) -> None:
    assert weights_digest(profile) == reader.digest
    assert len(reader.digest) == 64


def test_an_engine_that_is_not_there(profile: Profile) -> None:
    with pytest.raises(LedgermillError, match=r"not installed; name one of .*rapidocr"):
        load_engine(profile.model_copy(update={"engine": "oracle"}))
    with pytest.raises(LedgermillError, match="LEDGERMILL_DEVICE=cpu"):
        load_engine(profile, "cuda:0")


def test_work_ahead_keeps_the_order() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        assert list(ahead(pool, lambda n: n * n, range(20))) == [n * n for n in range(20)]
        assert list(ahead(pool, abs, [])) == []


def test_large_pages_do_not_wait_together() -> None:
    from concurrent.futures import ThreadPoolExecutor

    taken: list[int] = []

    def pages() -> Iterator[int]:
        for number in range(6):
            taken.append(number)
            yield number

    with ThreadPoolExecutor(2) as pool:
        for most, size in ((1, PIXELS + 1), (2, PIXELS * 2 // 3), (AHEAD + 1, 1)):
            taken.clear()
            work = ahead(pool, abs, pages(), lambda _, size=size: size)  # type: ignore[misc]
            assert next(work) == 0
            assert len(taken) == most
            assert list(work) == [1, 2, 3, 4, 5]


def test_equal_settings_make_equal_profiles() -> None:
    assert Profile(name="a") == Profile(name="a", preprocessing=Preprocessing())


def test_a_crop_reads_the_same_in_any_company(reader: Engine) -> None:
    """A shard that is split, or a page read again alone, must give what it gave before."""
    page = image("daily-ledger")
    truth = truth_of("daily-ledger").tables[0]
    crops = []
    for cell in [c for c in truth.cells if c.text][:30]:
        (x0, y0), (x1, y1) = np.min(cell.polygon, axis=0), np.max(cell.polygon, axis=0)
        crops.append(page[int(y0) - 5 : int(y1) + 6, int(x0) - 8 : int(x1) + 9])
    together = reader.recognize(crops)
    alone = [reader.recognize([crop])[0] for crop in crops]
    assert [r.text for r in together] == [r.text for r in alone]
    assert [r.confidence for r in together] == pytest.approx(
        [r.confidence for r in alone], abs=5e-4
    )


def test_a_stray_wide_character_is_looked_at_again() -> None:
    page = [Reading("9.093", 0.9)] * 20 + [Reading("至", 0.4)]
    assert stray(page) == [20]


def test_a_page_in_wide_characters_is_left_alone() -> None:
    assert stray([Reading("기온", 0.9), Reading("至", 0.4), Reading("12.5", 0.9)]) == []
    assert stray([]) == []
