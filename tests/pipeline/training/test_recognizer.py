import gzip
import math
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from pipeline.errors import BadInput
from pipeline.recognition.network import Recognizer, RecognizerConfig
from pipeline.training import augment, recognizer
from pipeline.training.augment import Rng
from pipeline.training.datasets import Labelled
from pipeline.training.datasets.cells import as_number, by_digits, read_cells
from pipeline.training.datasets.digits import read_digits, write_number
from pipeline.training.fonts import BUNDLED
from pipeline.training.loop import Schedule
from pipeline.training.numeric import NumericSource, sampler, set_text
from pipeline.training.recognizer import Batches, Lesson, collate, greedy, loss

CONFIG = RecognizerConfig("0123456789.", 32, 16, 2048, (6, 12, 16), 32, 1)


def drawn(rng: Rng) -> Labelled:
    text = str(int(rng.integers(2)))
    return Labelled(set_text(text, BUNDLED, rng), (text,), "drawn", "number")


def lesson() -> Lesson:
    rng = np.random.default_rng(9)
    return Lesson(CONFIG, drawn, {"drawn": [drawn(rng) for _ in range(20)]}, crops=8)


def test_a_recognizer_learns_to_tell_two_digits(tmp_path: Path) -> None:
    plan = Schedule(200, rate=0.005, warmup=10, validate_every=50, decay=0.9)
    assert recognizer.train(lesson(), plan, tmp_path) > 0.9


def test_a_step_s_batch_depends_on_its_number_alone() -> None:
    one, other = Batches(lesson(), 4), Batches(lesson(), 4)
    for _ in range(5):
        one(0)
    assert torch.equal(one(6).pixels, other(6).pixels)
    assert not torch.equal(Batches(lesson(), 5)(6).pixels[0], other(6).pixels[0])


def test_the_loss_sums_over_the_spellings_of_a_crop() -> None:
    torch.manual_seed(0)
    network = Recognizer(CONFIG).eval()
    crop = np.random.default_rng(0).random((32, 40)).astype(np.float32)
    classes = {c: i for i, c in enumerate(CONFIG.alphabet, 1)}
    item = Labelled(np.zeros((1, 1), np.uint8), ("28.0", "28"), "a")
    together = collate([(crop, item)], classes)
    rows = functional.log_softmax(network(together.pixels, together.widths), 2)
    parts = [
        functional.ctc_loss(
            rows.transpose(0, 1),
            torch.tensor([[classes[c] for c in text]]),
            torch.tensor([20]),
            torch.tensor([len(text)]),
            reduction="sum",
        )
        for text in item.texts
    ]
    expected = -math.log(sum(math.exp(-part.item()) for part in parts))
    assert loss(network, together).item() == pytest.approx(expected, abs=1e-4)


def test_another_program_s_reading_is_not_believed_where_the_network_sees_something_else() -> None:
    torch.manual_seed(0)
    network = Recognizer(CONFIG)
    crop = np.zeros((32, 40), np.float32)
    doubted = Labelled(np.zeros((1, 1), np.uint8), ("1234",), "a", sure=False)
    batch = collate([(crop, doubted)], {c: i for i, c in enumerate(CONFIG.alphabet, 1)})
    assert loss(network, batch).item() == 0


def test_greedy_reading_merges_repeats_that_no_blank_divides() -> None:
    assert greedy([0, 1, 1, 0, 1, 2, 2, 0], "ab") == "aab"


@pytest.mark.parametrize(
    ("truth", "spellings"), [("28", ("28.0", "28")), ("28.5", ("28.5",)), ("0", ("0.0", "0"))]
)
def test_a_number_may_have_been_written_with_its_nought(
    truth: str, spellings: tuple[str, ...]
) -> None:
    assert as_number(truth) == spellings


def test_digits_may_have_been_written_without_their_mark() -> None:
    assert by_digits("118.4") == ("1184", "118.4")
    assert by_digits("1184") == ("1184", "118.4")
    assert by_digits("5") == ("5",)


def test_cells_are_read_with_what_is_sure_of_them(tmp_path: Path) -> None:
    Image.new("L", (300, 200), 255).save(tmp_path / "a.png")
    rows = (
        "sheet,cell,image,truth,meteosaver\ns,D4,a.png,28.7,287\ns,C4,a.png,,1862\ns,C5,a.png,,\n"
    )
    (tmp_path / "cells.csv").write_text(rows)
    sure, unsure = read_cells(tmp_path)
    assert (sure.texts, sure.sure, sure.compare) == (("287", "28.7"), True, "digits")
    assert (unsure.texts[0], unsure.sure) == ("1862", False)
    assert sure.gray.shape[0] == 128


def test_cells_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cells\.csv.*cannot be read"):
        read_cells(tmp_path)
    (tmp_path / "cells.csv").write_text("folder,image,truth\nf,gone.png,1\n")
    with pytest.raises(BadInput, match=r"gone\.png.*complete the folder"):
        read_cells(tmp_path)


def idx(array: np.ndarray) -> bytes:
    shape = array.shape
    return gzip.compress(
        struct.pack(f">I{len(shape)}I", 0x800 + len(shape), *shape) + array.tobytes()
    )


def test_digits_of_many_hands_are_set_side_by_side(tmp_path: Path) -> None:
    images = np.zeros((20, 28, 28), np.uint8)
    images[:, 6:22, 10:18] = 255
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(idx(images))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(np.arange(20, dtype=np.uint8) % 10))
    digits = read_digits(tmp_path)
    assert [len(of) for of in digits.of] == [2] * 10
    rng = np.random.default_rng(0)
    short, long = (write_number(text, digits, rng) for text in ("1", "12,345"))
    assert long.shape[1] > short.shape[1]
    assert short.min() == 0
    made = sampler(NumericSource(digits=digits, faces=[BUNDLED]))
    groups = {made(rng).group for _ in range(40)}
    assert groups == {"digits", "faces"}


STEPS = [augment.warp, augment.zoom_in, augment.margins, augment.stroke, augment.binarize,
         augment.soften, augment.tone, augment.rules, augment.jpeg, augment.fade]  # fmt: skip


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
@pytest.mark.parametrize("shape", [(8, 8), (40, 9), (20, 300)])
def test_every_step_takes_a_crop_of_any_shape(step: object, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    gray = rng.integers(0, 255, shape).astype(np.uint8)
    before = gray.copy()
    more = (0.7, 0.5) if step is augment.zoom_in else ()
    for _ in range(8):
        seen = step(gray, rng, *more)  # type: ignore[operator]
        assert seen.dtype == np.uint8
        assert seen.ndim == 2
        assert seen.size
    assert np.array_equal(gray, before)
