"""Pages of any size through the detector, with a network that knows what is on them."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.detection.detect import MARGINS, Detector, load_detector
from pipeline.detection.geometry import Floats, draw_maps, widened
from pipeline.detection.network import Detector as Network
from pipeline.detection.network import DetectorConfig
from pipeline.errors import BadInput
from pipeline.evaluation.boxes import iou, score_boxes
from pipeline.models.load import model_path
from pipeline.profiles import Detection
from pipeline.training.draw import draw_page
from pipeline.training.layouts import pressure_table
from pipeline.training.pages import boxes_of

SIDE = 960
BOXES: Floats = np.array(
    [
        [[100, 100], [300, 100], [300, 130], [100, 130]],
        [[340, 100], [500, 100], [500, 130], [340, 130]],
        [[100, 180], [860, 200], [859, 232], [99, 212]],
    ],
    np.float32,
)


class Knowing(nn.Module):
    """A network that gives the maps of boxes that it was told, in pixels of its input."""

    def __init__(self, boxes: Floats) -> None:
        super().__init__()
        self.boxes = boxes
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[2:]
        text, maps, _ = draw_maps(self.boxes, height, width, 96.0)
        logits = np.where(text > 0, 8, -8).astype(np.float32)
        return torch.from_numpy(np.concatenate([logits[None], maps]))[None]


def knowing(boxes: Floats) -> Detector:
    return Detector(Knowing(boxes), Detection(longest_side=SIDE))  # type: ignore[arg-type]


def test_boxes_are_in_page_pixels_from_top_to_bottom() -> None:
    scale = 3.0
    page = np.full((round(SIDE * scale), round(0.7 * SIDE * scale)), 240, np.uint8)
    found = knowing(BOXES).detect(page)
    assert found.dtype == np.float32
    assert found.shape == (3, 4, 2)
    assert list(found[:, 0, 1]) == sorted(found[:, 0, 1])
    for truth in widened(BOXES * scale, *MARGINS):
        assert max(iou(box, truth) for box in found) > 0.85


def test_a_small_page_is_not_enlarged() -> None:
    found = knowing(BOXES[:2]).detect(np.full((300, 600), 240, np.uint8))
    assert len(found) == 2
    assert max(iou(box, widened(BOXES[:1], *MARGINS)[0]) for box in found) > 0.85


def test_a_page_with_one_line() -> None:
    (found,) = knowing(BOXES[2:]).detect(np.full((300, SIDE), 240, np.uint8))
    assert iou(found, widened(BOXES[2:], *MARGINS)[0]) > 0.85


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (900, 3), (31, 33), (40, 12_000)])
def test_pages_of_any_shape_pass_through(shape: tuple[int, int]) -> None:
    torch.manual_seed(1)
    network = Network(DetectorConfig((4, 4, 4, 4, 4), (4, 4, 4))).eval()
    found = Detector(network, Detection(longest_side=SIDE)).detect(np.full(shape, 255, np.uint8))
    assert found.ndim == 3
    assert found.shape[1:] == (4, 2)


@pytest.fixture(scope="module")
def shipped() -> Detector:
    return load_detector(model_path("detector"), "cpu", Detection())


@pytest.mark.parametrize("seed", [1, 2])
def test_the_cells_of_a_drawn_table_are_found(shipped: Detector, seed: int) -> None:
    rng = np.random.default_rng(seed)
    page = draw_page(pressure_table(rng), rng)
    truth = widened(boxes_of(page.truth), *MARGINS)
    score = score_boxes(shipped.detect(page.image), truth)
    assert score.true > 800
    assert score.recall >= 0.95
    assert score.precision >= 0.95


@pytest.mark.parametrize("tone", [0, 128, 255])
def test_nothing_is_found_on_an_empty_page(shipped: Detector, tone: int) -> None:
    assert len(shipped.detect(np.full((1000, 700), tone, np.uint8))) == 0


@pytest.mark.parametrize("shape", [(1, 1), (9, 2000), (5000, 7000)])
def test_the_shipped_weights_take_pages_of_any_size(
    shipped: Detector, shape: tuple[int, int]
) -> None:
    assert shipped.detect(np.full(shape, 255, np.uint8)).shape == (0, 4, 2)


def test_a_page_with_one_long_line_has_one_box(shipped: Detector) -> None:
    page = np.full((300, 1500), 255, np.uint8)
    text = "The barometer of each station was compared with the standard"
    cv2.putText(page, text, (60, 150), cv2.FONT_HERSHEY_COMPLEX, 1.2, 0, 2, cv2.LINE_AA)
    ys, xs = np.nonzero(page < 128)
    (found,) = shipped.detect(page)
    truth = np.array([[xs.min(), ys.min()], [xs.max(), ys.min()], [xs.max(), ys.max()],
                      [xs.min(), ys.max()]], np.float32)  # fmt: skip
    assert iou(found, widened(truth[None], *MARGINS)[0]) > 0.75


def test_weights_of_something_else_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from pipeline.models.load import write

    file = tmp_path / "other.safetensors"
    write(file, {"weight": torch.zeros(2)}, {"recognizer": {}})
    with pytest.raises(BadInput, match="holds no detector"):
        load_detector(file, "cpu", Detection())
