"""Regions of drawn pages: what they are called, and what becomes of what a profile ignores."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.page import Line, RegionKind
from pipeline.preprocess import prepare
from pipeline.profiles import Preprocessing, Profile
from pipeline.regions.find import find_regions, settle
from pipeline.tables.layout import Layout, lay_out
from pipeline.training.draw import draw_page
from pipeline.training.layouts import daily_ledger

TABLES: tuple[RegionKind, ...] = ("table",)
PROSE = Profile.model_validate({"name": "prose", "tables": {"find": False}})
INK = (40, 40, 40)
RED, BLUE = (180, 40, 50), (60, 70, 170)
Texts = list[tuple[float, float, float, float]]
BODY: Texts = [(200, 200 + 36 * row, 700, 26) for row in range(12)]


def page(
    texts: Texts, ring: tuple[int, int, int] | None = None, figure: bool = False
) -> NDArray[np.uint8]:
    """Return a page (1200 x 1100, RGB): bars for texts (x, y, width, height), a stamp, a figure."""
    image = np.full((1200, 1100, 3), (248, 244, 236), np.uint8)
    for x, y, wide, tall in texts:
        for letter in range(int(x), int(x + wide), 14):
            cv2.rectangle(image, (letter, int(y + 5)), (letter + 6, int(y + tall - 5)), INK, -1)
    if figure:
        rng = np.random.default_rng(1)
        for a, b in rng.integers((300, 700), (800, 1000), (60, 2, 2)):
            cv2.line(image, tuple(a.tolist()), tuple(b.tolist()), INK, 3)
    if ring:
        for radius in (60, 48):
            cv2.circle(image, (700, 400), radius, ring, 4, cv2.LINE_AA)
    return image


def divided(texts: Texts, image: NDArray[np.uint8], ignore: tuple[RegionKind, ...] = ()) -> Layout:
    boxes = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in texts]
    plain = Preprocessing(crop=False, deskew=False)
    layout = lay_out(prepare(image, plain), np.array(boxes, np.float32).reshape(-1, 4, 2), PROSE)
    return find_regions(layout, ignore)


def read(layout: Layout) -> list[tuple[RegionKind, list[tuple[float, float]]]]:
    """Return the kinds of the regions, each with the top left corners of its lines."""
    return [
        (region.kind, [
            (float(box[0, 0]), float(box[0, 1]))
            for box, number in zip(layout.boxes, layout.region_of, strict=True) if number == place
        ])
        for place, region in enumerate(layout.regions)
    ]  # fmt: skip


def test_a_heading_notes_and_a_page_number_are_told_from_the_text() -> None:
    heading, number = (420.0, 110.0, 260.0, 44.0), (980.0, 20.0, 30.0, 26.0)
    notes: Texts = [(20, 300, 130, 20), (20, 324, 120, 20)]
    texts = [*notes, *BODY, number, heading]
    found = read(divided(texts, page(texts)))
    assert [kind for kind, _ in found] == ["margin", "heading", "text", "margin"]
    assert [corners[0] for _, corners in found] == [number[:2], heading[:2], BODY[0][:2], (20, 300)]


def test_a_centred_line_heads_what_follows_but_ends_nothing() -> None:
    centred: Texts = [(400, 80, 300, 26), (400, 700, 300, 26)]
    texts = [*BODY, *centred]
    found = read(divided(texts, page(texts)))
    assert [kind for kind, _ in found] == ["heading", "text", "text"]


@pytest.mark.parametrize("ink", [RED, BLUE])
def test_a_stamp_over_the_text_is_told_by_its_colour_and_shape(ink: tuple[int, int, int]) -> None:
    layout = divided(BODY, page(BODY, ring=ink))
    (stamp,) = [region for region in layout.regions if region.kind == "stamp"]
    off = np.mean(stamp.polygon, axis=0) - (700, 400)
    assert np.abs(off).max() < 8
    assert len(layout.boxes) == len(BODY)


def test_what_is_drawn_is_a_figure_and_a_black_ring_beside_the_text_a_stamp() -> None:
    texts = [box for box in BODY if box[1] < 320]
    layout = divided(texts, page(texts, ring=INK, figure=True))
    assert [region.kind for region in layout.regions] == ["text", "stamp", "figure"]


def test_a_coloured_line_of_text_is_no_stamp() -> None:
    image = page(BODY)
    x, y, wide, tall = (int(side) for side in BODY[3])
    part = image[y : y + tall, x : x + wide]
    part[part[..., 0] < 100] = RED
    assert {region.kind for region in divided(BODY, image).regions} == {"text"}


def test_what_a_profile_ignores_is_not_read_but_counted() -> None:
    notes: Texts = [(20, 300, 130, 20), (20, 324, 120, 20)]
    texts = [*BODY, *notes]
    layout = divided(texts, page(texts), ignore=("margin",))
    assert len(layout.lines) == len(layout.boxes) == len(BODY)
    assert [(r.kind, r.ignored) for r in layout.regions] == [("text", 0), ("margin", 2)]
    lines = [(i, Line("text", 1.0, ((0, 0), (1, 0), (1, 1), (0, 1)))) for i in range(len(BODY))]
    found, regions = settle(layout, lines, ())
    assert [(r.kind, r.ignored) for r in regions] == [("text", 0), ("margin", 2)]
    assert {line.region for line in found} == {0}


def test_a_region_in_which_nothing_could_be_read_goes_and_the_others_move_up() -> None:
    heading = (420.0, 110.0, 260.0, 44.0)
    layout = divided([heading, *BODY], page([heading, *BODY]))
    line = Line("text", 1.0, ((0, 0), (1, 0), (1, 1), (0, 1)))
    lines, regions = settle(layout, [(5, line)], ())
    assert [(r.kind, lines[0].region) for r in regions] == [("text", 0)]


def test_a_page_without_anything_has_no_regions() -> None:
    layout = divided([], page([]))
    assert layout.regions == ()
    assert settle(layout, [], ()) == ((), ())


def test_a_table_is_a_region_and_knows_its_table() -> None:
    drawn = draw_page(daily_ledger(np.random.default_rng(3)), np.random.default_rng(3))
    cells = [cell.polygon for cell in drawn.truth.tables[0].cells if cell.text]
    boxes = np.array([*(line.polygon for line in drawn.truth.lines), *cells], np.float32)
    default = Profile.model_validate({"name": "default"})
    plain = lay_out(prepare(drawn.image, Preprocessing(crop=False, deskew=False)), boxes, default)
    layout = find_regions(plain)
    (number,) = [i for i, region in enumerate(layout.regions) if region.kind == "table"]
    table = layout.regions[number]
    assert (table.table, table.ignored) == (0, 0)
    none = find_regions(plain, ignore=TABLES)
    assert (none.grids, none.cells) == ((), {})
    assert none.regions[number] == replace(table, table=None, ignored=len(layout.cells))
    kept = settle(none, [], ())[1]
    assert [(r.kind, r.table, r.ignored) for r in kept] == [("table", None, len(layout.cells))]
