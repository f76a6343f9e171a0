from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from pipeline.transfer import Fetch, fetch, one_ahead, send

DEVICES = [
    "cpu",
    pytest.param(
        "cuda:0", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
    ),
]


@pytest.mark.parametrize("device", DEVICES)
def test_what_is_sent_comes_back(device: str) -> None:
    values = torch.arange(24.0).reshape(2, 3, 4)
    there = send(values, torch.device(device))
    assert str(there.device) == device
    found = fetch(there.to(torch.bfloat16) * 2)()
    assert found.dtype == np.float32
    assert np.array_equal(found, values.numpy() * 2)


def test_the_next_is_queued_before_the_last_is_waited_for() -> None:
    told = []

    def queued() -> Iterator[tuple[int, Fetch]]:
        for number in range(3):
            told.append(f"queue {number}")
            yield number, fetch(torch.tensor([float(number)]))

    for number, found in one_ahead(queued()):
        assert found.tolist() == [number]
        told.append(f"use {number}")
    assert told == ["queue 0", "queue 1", "use 0", "queue 2", "use 1", "use 2"]
    assert list(one_ahead(iter([]))) == []
