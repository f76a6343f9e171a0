"""IIIF Image API 1 to 3: an image as large as its server gives it (https://iiif.io/api/image/).

The whole image is asked for first. Where what comes is not of the size that the manifest says, the
server is asked what it has (`info.json`); where a size is refused, for smaller ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pipeline.errors import BadInput
from workers.sources.entry import Entry
from workers.sources.remote.errors import Later, SizeRefused
from workers.sources.remote.http import Fetched, Fetching, fetch

Size = tuple[int, int]

_LONGEST_SIDES = (6000, 4000, 3000, 2000, 1500, 1000)
"""What is asked for, in turn, where the whole image is refused."""

_INFO_BYTES = 1024**2
_TOLERANCE = 1.5  # pixels: servers round differently
_PROPORTION = 0.02

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Ask:
    """A request, and the size that the image then has to have (None: whatever comes)."""

    address: str
    size: Size | None


def fetch_image(
    fetching: Fetching,
    entry: Entry,
    max_pixels: int,
    opened: Callable[[bytes], tuple[Size, _T]],
    last: bool,
) -> tuple[Fetched, Size, _T]:
    """Return an image as its server gave it, its size and what `opened` made of it.

    `opened` raises `BadInput` where the bytes are no whole image. Where every answer is of another
    size than it should be, raises `Later`; the `last` time the largest of them is taken if it is at
    least the same in its proportions. Otherwise raises as `fetch` does.
    """
    wrong: list[tuple[Fetched, Size, _T]] = []
    wanted = entry.size
    for ask in _asks(fetching, entry, max_pixels):
        try:
            answer = fetch(fetching, ask.address, accept="image/*", sized=bool(entry.service))
        except SizeRefused:
            continue
        assert answer.data is not None
        size, made = opened(answer.data)
        if ask.size is None or _near(size, ask.size):
            return answer, size, made
        wanted = ask.size
        wrong.append((answer, size, made))
    if not wrong or wanted is None:
        raise BadInput(
            entry.address, "its server refuses every size of it", "ask its owner, or download it"
        )
    best = max(wrong, key=lambda each: each[1][0] * each[1][1])
    text = f"{entry.address}: it comes in {_by(best[1])} pixels, not in {_by(wanted)}"
    if not last:
        raise Later(f"{text}; it is tried again")
    if abs(math.log(best[1][0] * wanted[1] / (best[1][1] * wanted[0]))) > _PROPORTION:
        raise BadInput(entry.address, text.partition(": ")[2], "look what its server gives you")
    return best


def _asks(fetching: Fetching, entry: Entry, max_pixels: int) -> Iterator[_Ask]:
    """Yield what to ask for, in turn, for as long as nothing that came was right."""
    if not entry.service:
        yield _Ask(entry.address, entry.size)
        return
    service = entry.service
    if entry.size and _pixels(entry.size) <= max_pixels:
        yield _ask(service, _whole(entry.api), entry.size, entry.api)
    info = _info(fetching, service)
    whole = _size(info) or entry.size
    if whole is None:
        for word in ("max", "full"):
            yield _ask(service, word, None, entry.api)
        yield _Ask(entry.address, None)
        return
    most = _most(info, whole, max_pixels)
    if most == whole:
        for word in dict.fromkeys((_whole(entry.api), "max", "full")):
            yield _ask(service, word, whole, entry.api)
    elif most == _most(info, whole, _pixels(whole)):
        yield _ask(service, "max", most, entry.api)
    yield _ask(service, f"{most[0]},", most, entry.api)
    yield _ask(service, f"{most[0]},{most[1]}", most, entry.api)
    listed = [size for each in info.get("sizes") or [] if (size := _size(each))]
    for size in sorted(listed, key=_pixels, reverse=True):
        if _pixels(size) <= max_pixels:
            yield _ask(service, f"{size[0]},{size[1]}", size, entry.api)
            break
    for side in _LONGEST_SIDES:
        scale = side / max(whole)
        if side < max(most):
            size = (max(1, round(whole[0] * scale)), max(1, round(whole[1] * scale)))
            yield _ask(service, f"{size[0]},", size, entry.api)
            yield _ask(service, f"!{side},{side}", size, entry.api)
    yield _Ask(entry.address, whole)


def _ask(service: str, size: str, pixels: Size | None, api: int) -> _Ask:
    quality = "native" if api == 1 else "default"
    return _Ask(f"{service}/full/{size}/0/{quality}.jpg", pixels)


def _whole(api: int) -> str:
    return "max" if api >= 3 else "full"


def _info(fetching: Fetching, service: str) -> dict[str, Any]:
    """Return what a service says of its image; nothing where it does not."""
    try:
        answer = fetch(
            fetching, f"{service}/info.json", accept="application/json", most=_INFO_BYTES
        )
        info = json.loads(answer.data or b"")
    except (BadInput, ValueError, RecursionError):
        return {}
    return info if isinstance(info, dict) else {}


def _size(said: Any) -> Size | None:
    if not isinstance(said, dict):
        return None
    width, height = said.get("width"), said.get("height")
    if isinstance(width, int) and isinstance(height, int) and 0 < min(width, height) < 10**6:
        return width, height
    return None


def _most(info: dict[str, Any], whole: Size, max_pixels: int) -> Size:
    """Return the largest size that the server gives and we take."""
    limits = dict(info)
    profile = info.get("profile")
    for each in profile if isinstance(profile, list) else []:  # of version 2
        if isinstance(each, dict):
            limits |= each

    def limit(name: str, otherwise: float) -> float:
        value = limits.get(name)
        return float(value) if isinstance(value, int | float) and value > 0 else otherwise

    width, height = whole
    most_wide = limit("maxWidth", math.inf)
    scale = min(
        1.0,
        most_wide / width,
        limit("maxHeight", most_wide) / height,
        math.sqrt(min(limit("maxArea", math.inf), max_pixels) / (width * height)),
    )
    return (width, height) if scale == 1 else (int(width * scale) or 1, int(height * scale) or 1)


def _near(size: Size, wanted: Size) -> bool:
    return all(abs(one - other) <= _TOLERANCE for one, other in zip(size, wanted, strict=True))


def _pixels(size: Size) -> int:
    return size[0] * size[1]


def _by(size: Size) -> str:
    return f"{size[0]:,} x {size[1]:,}"
