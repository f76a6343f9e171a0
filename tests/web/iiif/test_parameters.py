"""What a IIIF image request means, and the status of what means nothing."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.iiif.parameters import MAX_AREA, MAX_SIDE, parse
from web.problems import Problem

IMAGE = (1000, 600)


@pytest.mark.parametrize(
    ("region", "size", "expected"),
    [
        ("full", "max", ((0, 0, 1000, 600), (1000, 600))),
        ("square", "max", ((200, 0, 600, 600), (600, 600))),
        ("100,50,200,100", "max", ((100, 50, 200, 100), (200, 100))),
        ("900,500,400,400", "max", ((900, 500, 100, 100), (100, 100))),
        ("pct:10,10,50,50", "max", ((100, 60, 500, 300), (500, 300))),
        ("full", "500,", ((0, 0, 1000, 600), (500, 300))),
        ("full", ",300", ((0, 0, 1000, 600), (500, 300))),
        ("full", "pct:50", ((0, 0, 1000, 600), (500, 300))),
        ("full", "400,400", ((0, 0, 1000, 600), (400, 400))),
        ("full", "!400,400", ((0, 0, 1000, 600), (400, 240))),
        ("full", "!4000,4000", ((0, 0, 1000, 600), (1000, 600))),
        ("full", "^!2000,2000", ((0, 0, 1000, 600), (2000, 1200))),
        ("full", "^2000,", ((0, 0, 1000, 600), (2000, 1200))),
        ("full", "^pct:200", ((0, 0, 1000, 600), (2000, 1200))),
    ],
)
def test_regions_and_sizes(
    region: str, size: str, expected: tuple[tuple[int, int, int, int], tuple[int, int]]
) -> None:
    wanted = parse(IMAGE, region, size, "0", "default", "jpg")
    assert (wanted.region, (wanted.width, wanted.height)) == expected


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("1000,0,10,10/max/0/default.jpg", 400),  # beside the image
        ("0,0,0,10/max/0/default.jpg", 400),
        ("0,0,10/max/0/default.jpg", 400),
        ("-1,0,10,10/max/0/default.jpg", 400),
        ("some/max/0/default.jpg", 400),
        ("full/1001,/0/default.jpg", 400),  # larger, without ^
        ("full/pct:101/0/default.jpg", 400),
        ("full/0,/0/default.jpg", 400),
        ("full/,/0/default.jpg", 400),
        ("full/!100,/0/default.jpg", 400),
        ("full/^99999,99999/0/default.jpg", 400),
        ("full/full/0/default.jpg", 400),  # version 2
        ("full/max/361/default.jpg", 400),
        ("full/max/-1/default.jpg", 400),
        ("full/max/0/native.jpg", 400),
        ("full/max/0/default.xyz", 400),
        ("full/max/0/default.tif", 501),
    ],
)
def test_what_means_nothing_is_refused(path: str, status: int) -> None:
    region, size, rotation, last = path.split("/")
    quality, _, form = last.partition(".")
    with pytest.raises(Problem) as refused:
        parse(IMAGE, region, size, rotation, quality, form)
    assert refused.value.status == status


sides = st.integers(1, 40_000)


@given(
    image=st.tuples(sides, sides),
    region=st.sampled_from(["full", "square", "pct:1,2,33.3,44.4", "3,4,50,60"]),
    size=st.sampled_from(["max", "^max", "pct:7", "^pct:130", "!90,70", "^!900,700", "50,", ",9"]),
)
def test_whatever_is_given_is_within_its_limits_and_names_itself(
    image: tuple[int, int], region: str, size: str
) -> None:
    wanted = None
    with suppress(Problem):  # of a narrow image a part may be nothing, enlarged it may be too much
        wanted = parse(image, region, size, "90", "gray", "png")
    if wanted is None:
        assert min(image) < 1000 or size == "^pct:130"
        return
    x, y, w, h = wanted.region
    assert 0 <= x < x + w <= image[0]
    assert 0 <= y < y + h <= image[1]
    assert 1 <= max(wanted.width, wanted.height) <= MAX_SIDE
    assert wanted.width * wanted.height <= MAX_AREA
    again, sized, turned, last = wanted.canonical(image).split("/")
    quality, _, form = last.partition(".")
    assert parse(image, again, sized, turned, quality, form) == wanted
