import cv2
import numpy as np

from pipeline.preprocess import Gray
from pipeline.training.datasets import Labelled
from pipeline.training.datasets.pieces import cut_figures, spell
from pipeline.training.numeric import tight


def cell(text: str, noise: bool = False) -> Gray:
    """Return digits written apart in black on white, with a rule along the left edge."""
    gray = np.full((60, 40 + 34 * len(text)), 255, np.uint8)
    for i, digit in enumerate(text):
        cv2.putText(gray, digit, (20 + 34 * i, 48), cv2.FONT_HERSHEY_DUPLEX, 1.5, 0, 3)
    gray[:, 2:5] = 0
    if noise:
        gray[5:9, ::12] = 0
    return gray


def labelled(text: str, group: str, said: str = "") -> Labelled:
    return Labelled(cell(text, noise=True), (said or text,), group, "digits")


def test_figures_are_cut_and_said_anew() -> None:
    whole = [labelled("01234", "a"), labelled("56789", "a"), labelled("012", "b")]
    pieces = cut_figures([*whole, labelled("11", "a", said="7")])
    assert list(pieces.hands) == ["a"]  # of b most figures are not known
    counts = [len(glyphs) for glyphs in pieces.hands["a"]]
    assert counts == [1] * 10
    for digit, (glyph,) in enumerate(pieces.hands["a"]):
        alone = tight(cell(str(digit))[:, 10:])
        assert np.array_equal(glyph, np.where(alone < 128, 255, 0))

    line = spell("907.1", pieces, np.random.default_rng(2))
    parts, _, stats, _ = cv2.connectedComponentsWithStats((line < 128).astype(np.uint8))
    assert parts - 1 == 5
    assert sorted(stats[1:, cv2.CC_STAT_HEIGHT])[0] < 15
