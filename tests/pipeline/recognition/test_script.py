from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import BadInput
from pipeline.models.load import write
from pipeline.recognition.script import (
    HEIGHT,
    LONGEST,
    SCRIPTS,
    ScriptNetwork,
    ScriptRouter,
    fit_script,
    load_router,
    script_of,
)


@pytest.mark.parametrize(
    ("text", "script"),
    [("12.5", "numeric"), ("le 12", "latin"), ("제3조", "korean"), ("ㄱ", "korean")],
)
def test_the_script_of_a_text(text: str, script: str) -> None:
    assert script_of(text, "0123456789. ") == script


def test_crops_of_any_size_fit() -> None:
    for height, width in ((5, 5), (40, 30), (100, 3000), (300, 20)):
        ink = fit_script(np.full((height, width), 255, np.uint8))
        assert ink.shape[0] == HEIGHT
        assert 8 <= ink.shape[1] <= LONGEST


def test_routing_does_not_depend_on_company() -> None:
    torch.manual_seed(0)
    router = ScriptRouter(ScriptNetwork(), "cpu")
    rng = np.random.default_rng(0)
    crops = [rng.integers(0, 255, (30, w)).astype(np.uint8) for w in (20, 90, 200, 31)]
    assert router.route(crops) == [router.route([crop])[0] for crop in crops]
    assert router.route([]) == []
    assert set(router.route(crops)) <= set(SCRIPTS)


def test_weights_are_read_again(tmp_path: Path) -> None:
    network = ScriptNetwork()
    write(tmp_path / "script.safetensors", network.state_dict(), {"name": "script"})
    assert load_router(tmp_path / "script.safetensors").route([np.zeros((9, 9), np.uint8)])


def test_other_weights_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "other.safetensors", {"x": torch.zeros(1)}, {})
    with pytest.raises(BadInput, match=r"other\.safetensors"):
        load_router(tmp_path / "other.safetensors")
