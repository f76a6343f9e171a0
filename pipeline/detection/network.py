"""The detection network, after EAST (Zhou et al. 2017, arXiv 1704.03155).

A small backbone, merged from the top down, gives at a quarter of the input's resolution how likely
each cell lies in text, how far the text's four sides are, and how it is turned.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 4
"""Pixels of the input to a cell of the output."""

MOST_TURNED = 0.75 * torch.pi

COARSEST = 32
"""Sides of the input are multiples of this."""


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """What a detector is built from: `channels` at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input.

    `merged` are those of the way back to 1/4. `reach` is how far in pixels a cell looks for the
    ends of its line: what is longer is put together from what its cells see.
    """

    channels: tuple[int, int, int, int, int] = (16, 32, 48, 80, 112)
    merged: tuple[int, int, int] = (64, 48, 32)
    reach: float = 96.0


class Detector(nn.Module):
    """Finds text: N x 1 x H x W pixels to N x 6 x H/4 x W/4 maps."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        first, *deeper = config.channels
        self.stem = _convolution(1, first, stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(_convolution(a, b, stride=2), _convolution(b, b))
            for a, b in zip(config.channels, deeper, strict=False)
        )
        self.merges = nn.ModuleList()
        above = deeper[-1]
        for skipped, merged in zip(reversed(deeper[:-1]), config.merged, strict=True):
            self.merges.append(_Merge(above, skipped, merged))
            above = merged
        self.head = nn.Conv2d(above, 6, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the maps of N pages (N x 1 x H x W, float, paper 0 and ink 1; sides of 32s).

        Channel 0 is the logit of text; 1 to 4 the distances in pixels to the text's top, right,
        bottom and left side, the second and fourth no more than `reach`; 5 the angle in radians
        by which the text climbs to the right, in -3/4 pi..3/4 pi: text may be
        turned upright, but not stand on its head.
        """
        x = self.stem(pixels)
        seen = []
        for stage in self.stages:
            x = stage(x)
            seen.append(x)
        for merge, skipped in zip(self.merges, reversed(seen[:-1]), strict=True):
            x = merge(x, skipped)
        maps = self.head(x).float()
        reach = self.config.reach
        near = functional.softplus(maps[:, 1:5]) * 8
        sides = torch.stack(
            [near[:, 0], near[:, 1].clamp(max=reach), near[:, 2], near[:, 3].clamp(max=reach)], 1
        )
        angle = torch.tanh(maps[:, 5:6]) * MOST_TURNED
        return torch.cat([maps[:, :1], sides, angle], 1)


class _Merge(nn.Module):
    """Brings a coarser map up to a finer one and joins the two."""

    def __init__(self, coarse: int, fine: int, merged: int) -> None:
        super().__init__()
        self.join = _convolution(coarse + fine, merged, size=1)
        self.smooth = _convolution(merged, merged)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        up = functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
        return self.smooth(self.join(torch.cat([up, fine], 1)))  # type: ignore[no-any-return]


def _convolution(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
