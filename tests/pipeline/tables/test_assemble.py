"""Lines of text become cells, cells become a table."""

from pipeline.page import Alternative, Reading
from pipeline.tables.assemble import join_lines


def read(text: str, confidence: float = 0.5) -> Reading:
    return Reading(text, confidence, (Alternative(text, -0.7), Alternative("other", -2.0)))


def test_a_cell_of_one_line_keeps_its_alternatives() -> None:
    assert join_lines({(0, 1, 2, 0): read("9.5")}) == {(0, 1, 2): read("9.5")}


def test_lines_of_a_cell_are_joined_in_order() -> None:
    joined = join_lines({(0, 0, 3, 1): read("night."), (0, 0, 3, 0): read("Mid-")})
    assert joined[0, 0, 3].text == "Mid-night."
    assert joined[0, 0, 3].confidence == 0.25
    words = join_lines({(0, 0, 0, 0): read("Wind at"), (0, 0, 0, 2): read("noon")})
    assert words[0, 0, 0].text == "Wind at noon"
