"""Cut-outs of a page's scan, with the place marked on them: IIIF regions under a drawn polygon."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.page import Point, Polygon

_MARGIN = 0.6
"""Of the text's height, around it."""

_LONGEST = 900
"""Pixels of the cut-out as it is sent, at most."""


@dataclass(frozen=True, slots=True)
class Ink:
    """A cut-out: its address, size in page pixels, and what is marked on it, as SVG points.

    `box` is the SVG's `viewBox`, in page pixels.
    """

    address: str
    width: int
    height: int
    box: str
    place: str
    words: tuple[str, ...] = ()


def cut_out(
    page_id: int,
    polygon: Polygon,
    size: tuple[int, int],
    margin: float = _MARGIN,
    spans: tuple[tuple[float, float], ...] = (),
    least_width: float = 0.0,
) -> Ink:
    """Return the ink at a place of a page of `size` (width, height).

    `margin` is in heights of the text, `least_width` in page pixels; `spans` are parts of the text,
    from 0 at its beginning to 1 at its end, to be marked as words.
    """
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    height = max(8.0, min(max(ys) - min(ys), 200.0))
    around = margin * height
    wider = max(0.0, (least_width - (max(xs) - min(xs))) / 2 - around)
    left = max(0, int(min(xs) - around - wider))
    top = max(0, int(min(ys) - around))
    right = min(size[0], int(max(xs) + around + wider) + 1)
    bottom = min(size[1], int(max(ys) + around) + 1)
    width, high = max(1, right - left), max(1, bottom - top)
    scaled = "max" if max(width, high) <= _LONGEST else f"!{_LONGEST},{_LONGEST}"
    return Ink(
        address=f"/iiif/image/{page_id}/{left},{top},{width},{high}/{scaled}/0/default.jpg",
        width=width,
        height=high,
        box=f"{left} {top} {width} {high}",
        place=points(polygon),
        words=tuple(points(_part(polygon, start, end)) for start, end in spans),
    )


def thumbnail(page_id: int, longest: int = 240) -> str:
    """Return the address of a page's small picture."""
    return f"/iiif/image/{page_id}/full/!{longest},{longest}/0/default.jpg"


def points(polygon: Polygon) -> str:
    """Return a polygon as SVG's `points`."""
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in polygon)


def _part(polygon: Polygon, start: float, end: float) -> Polygon:
    """Return the part of a line's polygon from one share of its length to another."""

    def between(a: Point, b: Point, share: float) -> Point:
        return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)

    top_left, top_right, bottom_right, bottom_left = polygon
    return (
        between(top_left, top_right, start),
        between(top_left, top_right, end),
        between(bottom_left, bottom_right, end),
        between(bottom_left, bottom_right, start),
    )
