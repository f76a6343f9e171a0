"""The recognition network: a small convolutional reader of one line, trained with CTC.

Three blocks of convolutions, each normalized over height and channel so that a line of any width
is treated column by column; the first block halves both sides, the next two only the height. One
of four interchangeable layers then reads along the line:

- `lstm`: bidirectional LSTM (Hochreiter & Schmidhuber 1997; Graves et al. 2009);
- `multihead`: self-attention over the columns (Vaswani et al. 2017, arXiv 1706.03762);
- `dilated`: convolutions of growing dilation (van den Oord et al. 2016, arXiv 1609.03499);
- `dilatedPos`: the same with the position added to each column.

The loss is CTC (Graves et al. 2006).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Sequence = Literal["lstm", "multihead", "dilated", "dilatedPos"]

STRIDE = 2
"""Columns of pixels to a step of the output."""

HEADS = 4
DROPOUT = 0.1


@dataclass(frozen=True, slots=True)
class RecognizerConfig:
    """What a recognizer is built from.

    `alphabet`: its characters, class 1 onwards (class 0 is the CTC blank). `height` is that of
    its input in pixels, a multiple of 8; a crop is reduced to about `area` pixels, but its text is
    not made lower than `least` (see `pipeline.recognition.crops`). `channels` are those of the
    three convolution blocks, `width` and `layers` those of the sequence layer.
    """

    alphabet: str
    height: int = 64
    least: int = 32
    area: int = 5120
    channels: tuple[int, int, int] = (24, 48, 96)
    width: int = 192
    layers: int = 2
    sequence: Sequence = "multihead"


class Recognizer(nn.Module):
    """Reads lines: N x 1 x H x W pixels to N x W/2 x classes logits."""

    def __init__(self, config: RecognizerConfig) -> None:
        super().__init__()
        self.config = config
        first, second, third = config.channels
        height = config.height
        self.features = nn.Sequential(
            nn.Conv2d(1, first, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            ColumnNorm(first, height // 2),
            *_block(first, second, height // 4),
            *_block(second, third, height // 8),
        )
        self.project = nn.Linear(third * height // 8, config.width)
        self.sequence = SEQUENCES[config.sequence](config.width, config.layers)
        self.norm = nn.LayerNorm(config.width)
        self.classes = nn.Linear(config.width, len(config.alphabet) + 1)

    def forward(self, pixels: Tensor, widths: Tensor) -> Tensor:
        """Return the logits (N x W/2 x classes) of N crops.

        `pixels` (N x 1 x H x W, float, paper 0 and ink 1, W even) are padded with paper on the
        right; `widths` (N, int64) says how many of their columns are the crop's own.
        """
        # Columns first, channels last: what is normalized and projected together lies together.
        upended = pixels.transpose(2, 3).contiguous(memory_format=torch.channels_last)
        columns = self.project(self.features(upended).permute(0, 2, 3, 1).flatten(2))
        steps = torch.div(widths + STRIDE - 1, STRIDE, rounding_mode="floor")
        valid = torch.arange(columns.shape[1], device=columns.device)[None] < steps[:, None]
        return self.classes(self.norm(self.sequence(columns, valid)))  # type: ignore[no-any-return]


class ColumnNorm(nn.Module):
    """Normalizes each column of N x C x W x H features over its channels and its height."""

    def __init__(self, channels: int, height: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm((height, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape."""
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # type: ignore[no-any-return]


def _block(inputs: int, outputs: int, height: int) -> list[nn.Module]:
    """Return two convolutions that halve the height only, to `height`."""
    return [
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.MaxPool2d((1, 2)),
        nn.ReLU(),
        ColumnNorm(outputs, height),
    ]


class Lstm(nn.Module):
    """Bidirectional LSTM over N x T x D columns."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            width,
            width // 2,
            layers,
            batch_first=True,
            bidirectional=True,
            dropout=DROPOUT if layers > 1 else 0.0,
        )

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """Return N x T x D; `valid` (N x T, bool) marks the columns that are no padding."""
        lengths = valid.sum(1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        out, _ = nn.utils.rnn.pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=x.shape[1]
        )
        return out


class Multihead(nn.Module):
    """Self-attention blocks, normalized before each step, over columns that know their place."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_Attention(width) for _ in range(layers))

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """Return N x T x D; `valid` (N x T, bool) marks the columns that are no padding."""
        x = x + positions(x)
        mask = valid[:, None, None, :]
        for block in self.blocks:
            x = block(x, mask)
        return x


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.forward_net = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(DROPOUT),
            nn.Linear(2 * width, width),
        )  # fmt: skip

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        count, steps, width = x.shape
        parts = self.query_key_value(self.before(x)).view(count, steps, 3, HEADS, width // HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        # Lines are short: two plain products are faster than a kernel made for long ones.
        score = query @ key.transpose(2, 3) * (width // HEADS) ** -0.5
        share = score.masked_fill(~mask, -1e4).softmax(3)
        x = x + self.out((share @ value).transpose(1, 2).flatten(2))
        return x + self.forward_net(x)  # type: ignore[no-any-return]


class Dilated(nn.Module):
    """Residual convolutions along N x T x D columns, each block's dilation twice the last's."""

    def __init__(self, width: int, layers: int, placed: bool = False) -> None:
        super().__init__()
        self.placed = placed
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width),
                _AlongTime(nn.Conv1d(width, width, 3, padding=2**i, dilation=2**i)),
                nn.GELU(),
                nn.Dropout(DROPOUT),
                nn.Linear(width, width),
            )
            for i in range(2 * layers)
        )

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """Return N x T x D; `valid` (N x T, bool) marks the columns that are no padding."""
        if self.placed:
            x = x + positions(x)
        for block in self.blocks:
            x = x + block(x * valid[..., None])
        return x


class _AlongTime(nn.Module):
    def __init__(self, convolution: nn.Conv1d) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x.transpose(1, 2)).transpose(1, 2)  # type: ignore[no-any-return]


SEQUENCES: dict[Sequence, Callable[[int, int], nn.Module]] = {
    "lstm": Lstm,
    "multihead": Multihead,
    "dilated": Dilated,
    "dilatedPos": lambda width, layers: Dilated(width, layers, placed=True),
}


def positions(x: Tensor) -> Tensor:
    """Return the sinusoidal encoding (T x D) of the places of N x T x D columns."""
    steps, width = x.shape[1:]
    rates = torch.exp(torch.arange(0, width, 2, device=x.device) * (-math.log(10_000.0) / width))
    angles = torch.arange(steps, device=x.device)[:, None] * rates[None]
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1).to(x.dtype)
