from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.detection.detect import Detector, load_detector, padded
from pipeline.detection.network import Detector as Network
from pipeline.detection.network import DetectorConfig
from pipeline.errors import BadInput
from pipeline.models.load import write
from pipeline.profiles import Detection

SMALL = DetectorConfig((4, 4, 6, 8, 8), (8, 6, 4))


def network() -> Network:
    torch.manual_seed(0)
    return Network(SMALL).eval()


def test_the_maps_have_a_quarter_of_the_sides() -> None:
    with torch.inference_mode():
        maps = network()(torch.rand(2, 1, 96, 160))
    assert maps.shape == (2, 6, 24, 40)
    assert float(maps[:, 1:5].min()) >= 0
    assert float(maps[:, 2].max()) <= SMALL.reach
    assert float(maps[:, 5].abs().max()) <= 0.75 * np.pi


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (33, 500), (600, 20)])
def test_a_page_of_any_shape_is_looked_at(shape: tuple[int, int]) -> None:
    gray = np.full(shape, 245, np.uint8)
    boxes = Detector(network(), Detection()).detect(gray)
    assert boxes.dtype == np.float32
    assert boxes.shape[1:] == (4, 2)


def test_pages_are_padded_with_paper() -> None:
    pixels = padded(np.ones((33, 64), np.float32))
    assert pixels.shape == (64, 64)
    assert not pixels[33:].any()


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(BadInput, match="cannot be read"):
        load_detector(path, "cpu", Detection())
    path.write_bytes(b"no weights")
    with pytest.raises(BadInput, match="holds no weights"):
        load_detector(path, "cpu", Detection())
    write(path, {"a": torch.zeros(1)}, {"name": "other"})
    with pytest.raises(BadInput, match="holds no detector"):
        load_detector(path, "cpu", Detection())
