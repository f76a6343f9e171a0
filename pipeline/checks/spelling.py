"""How a number that was not read is written: as the one that was, or as its neighbours are."""

from __future__ import annotations

DIGITS = "0123456789"
MINUS = "-–—−‐"
POINTS = ".,·•∙⋅・˙"


def respell(text: str, steps: int, fixed: bool = False) -> str | None:
    """Return a number's text changed by so many units of its last digit; `None` if it has none.

    Marks stay where they are, counted from the right. With `fixed`, so does the number of digits:
    where the page omits the first figure, `9.960` and 100 units more give `0.060`, and these less
    give it back.
    """
    places = [i for i, character in enumerate(text) if character in DIGITS]
    if not places:
        return None
    head, body, tail = text[: places[0]], text[places[0] : places[-1] + 1], text[places[-1] + 1 :]
    negative = head[-1:] != "" and head[-1:] in MINUS
    number = int("".join(text[i] for i in places)) * (-1 if negative else 1) + steps
    if fixed and not negative:
        number %= 10 ** len(places)
    if negative and number >= 0:
        head = head[:-1]
    elif number < 0 and not negative:
        head += "-"
    written = str(abs(number))
    if fixed:
        written = written.rjust(len(places), "0")[-len(places) :]
    return head + _fill(body, written) + tail


def _fill(body: str, digits: str) -> str:
    """Return `body`, digits with marks between them, with other digits, right-aligned.

    A mark keeps at least one digit before it.
    """
    after = [sum(c in DIGITS for c in body[i:]) for i, c in enumerate(body) if c not in DIGITS]
    digits = digits.rjust(max(after, default=0) + 1, "0")
    rest = list(digits)
    filled: list[str] = []
    for character in reversed(body):
        if not rest:
            break
        filled.append(rest.pop() if character in DIGITS else character)
    return "".join([*rest, *reversed(filled)])


def decimals_of(text: str) -> int | None:
    """Return how many digits follow the last mark before or between digits; `None` without one."""
    places = [i for i, character in enumerate(text) if character in DIGITS]
    gaps = [k for k in range(1, len(places)) if places[k] - places[k - 1] > 1]
    if gaps:
        return len(places) - gaps[-1]
    pointed = bool(places) and places[0] > 0 and text[places[0] - 1] in POINTS
    return len(places) if pointed else None
