"""Strokes, and which of them are drawn lines."""

import cv2
import numpy as np

from pipeline.tables.structure.rules import find_rules, without_rules
from pipeline.tables.structure.strokes import erase, strokes


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
        _, stats, _ = strokes(mask)
        boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:].tolist()]
        assert sorted(map(tuple, pieces.tolist())) == sorted(boxes)


def test_text_is_what_no_rule_is() -> None:
    ink = table()
    text = without_rules(ink, find_rules(ink, 12.0), 12.0)
    assert text[205:221, 60:180].sum() == ink[205:221, 60:180].sum()
    assert not text[40:260, 198:203].any()
    assert not text[:, :25].any()


def test_a_page_without_ink_has_no_rules() -> None:
    rules = find_rules(np.zeros((50, 60), bool), 12.0)
    assert rules.vertical_pieces.shape == (0, 4)
    assert not rules.horizontal.any()


def test_erasing_leaves_strokes_within_the_same_box() -> None:
    ink = table()
    labels, stats, _ = strokes(ink)
    ring = labels[120, 300 - 12]
    erase(ink, labels, stats, np.arange(len(stats)) == ring)
    assert not ink[120, 300 - 12]
    assert ink[120, 300]
