"""Strokes, and which of them are drawn lines."""

import cv2
import numpy as np

from pipeline.tables.structure.rules import find_rules, without_rules
from pipeline.tables.structure.strokes import find_strokes


def table() -> np.ndarray:
    """Return the ink of a frame with one upright rule, a blot, a ring with a dot, and letters."""
    ink = np.zeros((300, 400), np.uint8)
    cv2.rectangle(ink, (20, 20), (380, 280), 1, 2)
    cv2.line(ink, (200, 40), (200, 260), 1, 2)
    cv2.rectangle(ink, (60, 80), (150, 160), 1, -1)
    cv2.circle(ink, (300, 120), 12, 1, 2)
    cv2.circle(ink, (300, 120), 4, 1, -1)
    for x in range(60, 180, 20):
        cv2.putText(ink, "a", (x, 220), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 1, 2)
    return ink.astype(bool)


def test_rules_are_long_and_slim() -> None:
    rules = find_rules(table(), 12.0)
    upright = sorted(map(tuple, rules.vertical_pieces.tolist()))
    assert [(x0 < 25, 195 < x0 < 205, x0 > 370) for x0, *_ in upright] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
    assert sorted(y0 for _, y0, _, _ in rules.horizontal_pieces.tolist()) == [19, 278]
    # The blot is long enough, but not slim.
    assert not rules.vertical[80:160, 60:150].any()
    assert not rules.horizontal[80:160, 60:150].any()


def test_the_boxes_of_rules_are_those_of_their_ink() -> None:
    rules = find_rules(table(), 12.0)
    for mask, pieces in (
        (rules.vertical, rules.vertical_pieces),
        (rules.horizontal, rules.horizontal_pieces),
    ):
        stats = find_strokes(mask).stats[1:].tolist()
        boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats]
        assert sorted(map(tuple, pieces.tolist())) == sorted(boxes)


def test_text_is_what_no_rule_is() -> None:
    ink = table()
    text = without_rules(ink, find_rules(ink, 12.0), 12.0).mask
    assert text[205:221, 60:180].sum() == ink[205:221, 60:180].sum()
    assert not text[40:260, 198:203].any()
    assert not text[:, :25].any()


def test_a_page_without_ink_has_no_rules() -> None:
    rules = find_rules(np.zeros((50, 60), bool), 12.0)
    assert rules.vertical_pieces.shape == (0, 4)
    assert not rules.horizontal.any()


def test_taking_a_stroke_away_leaves_others_within_its_box() -> None:
    found = find_strokes(table())
    ring = found.labels[120, 300 - 12]
    left = found.without(np.arange(len(found.stats)) == ring)
    assert not left.mask[120, 300 - 12]
    assert left.area[ring] == 0
    assert left.mask[120, 300]
    assert left.mask.sum() == found.mask.sum() - found.area[ring]
    assert found.mask[120, 300 - 12]


def test_taking_a_box_away_takes_the_strokes_in_its_middle() -> None:
    found = find_strokes(table())
    dot = found.labels[120, 300]
    left = found.outside([(290, 110, 310, 130)])
    assert not left.mask[110:131, 290:311].any()
    assert left.area[dot] == 0
    assert left.area[found.labels[100, 100]] == found.area[found.labels[100, 100]]
