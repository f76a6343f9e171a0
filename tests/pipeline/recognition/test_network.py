from typing import get_args

import pytest
import torch

from pipeline.recognition.network import Recognizer, RecognizerConfig, Sequence


def network(sequence: Sequence) -> Recognizer:
    torch.manual_seed(0)
    config = RecognizerConfig("0123456789", 16, 8, 512, (4, 6, 8), 16, 1, sequence)
    return Recognizer(config).eval()


@pytest.mark.parametrize("sequence", get_args(Sequence))
def test_every_sequence_layer_gives_a_step_for_two_columns(sequence: Sequence) -> None:
    with torch.inference_mode():
        logits = network(sequence)(torch.rand(3, 1, 16, 40), torch.tensor([40, 31, 8]))
    assert logits.shape == (3, 20, 11)


@pytest.mark.parametrize("sequence", get_args(Sequence))
def test_a_crop_is_read_the_same_whatever_stands_beside_it_in_the_batch(
    sequence: Sequence,
) -> None:
    reader = network(sequence)
    pixels = torch.rand(5, 1, 16, 48)
    widths = torch.tensor([48, 40, 32, 20, 8])
    for row, width in zip(pixels, widths, strict=True):
        row[..., width:] = 0
    with torch.inference_mode():
        together = reader(pixels, widths)
        for i in range(5):
            alone = reader(pixels[i : i + 1], widths[i : i + 1])
            steps = int(widths[i]) // 2
            assert torch.allclose(alone[0, :steps], together[i, :steps], atol=1e-5)


@pytest.mark.parametrize("sequence", get_args(Sequence))
def test_every_weight_is_trained(sequence: Sequence) -> None:
    reader = network(sequence)
    reader(torch.rand(2, 1, 16, 40), torch.tensor([40, 30])).square().sum().backward()
    dead = [name for name, p in reader.named_parameters() if p.grad is None or not p.grad.any()]
    assert dead == []
