"""Ledgers whose numbers and relations are known, and readings of them that are partly wrong.

A ledger is drawn as observers kept them: values that wander from day to day, and what was computed
from them. Its rules are the truth that discovery is compared with. `readings` plays the engine: it
misreads cells, and its probabilities are right: of cells believed to 0.9, nine in ten are so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.relation import Instance, Rounding, Rule, RuleKind
from pipeline.checks.sheet import Candidate, Column, Entry, Position, Sheet

CONFUSED = {
    "0": "689",
    "1": "74",
    "2": "73",
    "3": "859",
    "4": "917",
    "5": "683",
    "6": "058",
    "7": "129",
    "8": "360",
    "9": "474",
}  # fmt: skip
MISSED = 0.12
"""Of the cells misread, those whose true text is not among the alternatives."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A table as it was written: `values` in units of 10 ** -scale, `texts` are labels.

    `decimals` says to how many each cell is written. `rules` hold everywhere.
    """

    form: str
    rows: int
    columns: tuple[Column, ...]
    header_rows: int
    values: Mapping[Position, int]
    decimals: Mapping[Position, int]
    texts: Mapping[Position, str]
    scale: int
    rules: tuple[Rule, ...]

    def written(self, place: Position) -> str:
        """Return what stands on the paper at `place`."""
        return write(self.values[place], self.scale, self.decimals[place])


def write(value: int, scale: int, decimals: int) -> str:
    """Return `value`, in units of 10 ** -scale, as written with that many decimals."""
    number = round(value / 10 ** (scale - decimals))
    digits = str(abs(number)).rjust(decimals + 1, "0")
    text = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    return f"-{text}" if number < 0 else text


def worth(text: str, scale: int) -> int | None:
    """Return what `text` is worth in units of 10 ** -scale, `None` where it is no whole number.

    As for a sheet: what has more decimals than its columns was misread.
    """
    try:
        number = Decimal(text).scaleb(scale)
    except InvalidOperation:
        return None
    return int(number) if number == int(number) else None


# --- a ledger in the making ---


@dataclass
class Draft:
    """What a form fills in, row by row from the top; `scale` is the finest of its columns."""

    rng: np.random.Generator
    form: str
    columns: Sequence[Column]
    header_rows: int = 1
    values: dict[Position, int] = field(default_factory=dict)
    decimals: dict[Position, int] = field(default_factory=dict)
    texts: dict[Position, str] = field(default_factory=dict)
    rules: dict[tuple[RuleKind, str], list[Instance]] = field(default_factory=dict)
    roundings: dict[tuple[RuleKind, str], Rounding] = field(default_factory=dict)
    row: int = 0

    def __post_init__(self) -> None:
        self.scale = max(column.decimals for column in self.columns)
        self.row = self.header_rows
        for number, column in enumerate(self.columns):
            self.texts[0, number] = column.header

    def unit(self, column: int) -> int:
        """Return what the last written digit of a column is worth, in the ledger's units."""
        return int(10 ** (self.scale - self.columns[column].decimals))

    def put(self, column: int, number: float, row: int | None = None) -> Position:
        """Write a value, given in the last digit of its column."""
        place = (self.row if row is None else row, column)
        self.values[place] = round(number) * self.unit(column)
        self.decimals[place] = self.columns[column].decimals
        return place

    def compute(
        self,
        kind: RuleKind,
        formula: str,
        target: Position,
        operands: Sequence[tuple[Position, int]],
        parts: int = 1,
        rounding: Rounding = "exact",
    ) -> None:
        """Write at `target` the weighted sum of `operands` divided by `parts`, and note it."""
        total = sum(self.values[place] * weight for place, weight in operands)
        unit = self.unit(target[1])
        quotient = total / (parts * unit)
        if rounding == "nearest":
            low = high = math.floor(quotient + 0.5)
            if quotient + 0.5 == low and self.rng.random() < 0.5:
                low -= 1  # halves go up or down as the writer pleased
            number = low if low != high else high
        else:
            number = math.trunc(quotient)
        self.values[target] = number * unit
        self.decimals[target] = self.columns[target[1]].decimals
        low, high = window(total, parts * unit, rounding)
        terms = ((target, parts), *((place, -weight) for place, weight in operands))
        assert low <= sum(self.values[place] * weight for place, weight in terms) <= high
        self.roundings[kind, formula] = rounding
        self.rules.setdefault((kind, formula), []).append(Instance(target, terms, low, high))

    def relate(self, kind: RuleKind, formula: str, terms: tuple[tuple[Position, int], ...]) -> None:
        """Note that terms which are written already sum to what they do."""
        total = sum(self.values[place] * weight for place, weight in terms)
        self.roundings[kind, formula] = "exact"
        instance = Instance(terms[0][0], terms, total, total)
        self.rules.setdefault((kind, formula), []).append(instance)

    def done(self) -> Ledger:
        """Return the ledger."""
        rules = []
        for (kind, formula), instances in self.rules.items():
            down = kind in ("running", "step", "carry") or formula.startswith("r")
            count = len(instances)
            rounding = self.roundings[kind, formula]
            rules.append(
                Rule(
                    kind,
                    "column" if down else "row",
                    formula,
                    rounding,
                    tuple(instances),
                    count,
                    count,
                    0.0,
                )
            )
        return Ledger(
            self.form,
            self.row,
            tuple(self.columns),
            self.header_rows,
            self.values,
            self.decimals,
            self.texts,
            self.scale,
            tuple(rules),
        )


def window(total: int, step: int, rounding: Rounding) -> tuple[int, int]:
    """Return between what `parts` x target - `total` lies, `step` being what one digit adds."""
    if rounding == "nearest":
        return -(step // 2), step // 2
    if rounding == "down":
        return (-(step - 1), 0) if total >= 0 else (0, step - 1)
    return 0, 0


def number(header: str, decimals: int, unit: str | None = None) -> Column:
    """Return a column of numbers."""
    return Column("number", header, None, decimals, None, unit)


def walk(rng: np.random.Generator, count: int, level: float, spread: float) -> NDArray[np.float64]:
    """Return values that wander around `level` as weather does from day to day."""
    noise = rng.normal(size=count)
    values = np.empty(count)
    now = rng.normal()
    for step in range(count):
        now = 0.7 * now + 0.714 * noise[step]
        values[step] = level + spread * now
    return values


# --- forms ---


def temperatures(rng: np.random.Generator) -> Ledger:
    """Maximum, minimum, their mean and range; every five or ten days a total, a mean, or both."""
    days = int(rng.integers(28, 32))
    others = int(rng.integers(0, 9))
    daily = rng.random() < 0.8
    size = int(rng.choice([5, 10]))
    layout = ("total", "mean", "both", "none")[rng.integers(4)]
    draft = Draft(
        rng,
        "temperatures",
        [
            Column("day", "Day") if daily else Column("text", "Day"),
            number("Max. °C", 1, "Cel"),
            number("Min. °C", 1, "Cel"),
            number("Mean", 1, "Cel"),
            number("Range", 1, "Cel"),
            *(number(f"Other {index}", int(rng.integers(0, 2))) for index in range(others)),
        ],
    )
    level = rng.uniform(-5, 25)
    mean = walk(rng, days, level, 3)
    span = np.abs(walk(rng, days, 10, 3)) + 1
    drawn = [walk(rng, days, rng.uniform(20, 300), rng.uniform(5, 60)) for _ in range(others)]
    rounding: Rounding = "nearest" if rng.random() < 0.7 else "down"
    previous: Position | None = None
    groups = split(days, size)
    written = 0
    for group in groups:
        rows = []
        for day in range(written, written + group):
            if daily:
                place = draft.put(0, day + 1)
                if previous is not None:
                    draft.relate("step", "c0", ((place, 1), (previous, -1)))
                previous = place
            high = draft.put(1, 10 * (mean[day] + span[day] / 2))
            low = draft.put(2, 10 * (mean[day] - span[day] / 2))
            draft.compute("midpoint", "c3", (draft.row, 3), ((high, 1), (low, 1)), 2, rounding)
            draft.compute("difference", "c4", (draft.row, 4), ((high, 1), (low, -1)))
            for index in range(others):
                draft.put(5 + index, drawn[index][day])
            rows.append(draft.row)
            draft.row += 1
        written += group
        summaries(draft, rows, range(1, len(draft.columns)), layout, "nearest")
    return draft.done()


def split(days: int, size: int) -> list[int]:
    """Return the lengths of groups of `size` days; the month's last takes what is left."""
    count = days // size if days % size < 3 else days // size + 1
    groups = [size] * (count - 1)
    return [*groups, days - sum(groups)]


def summaries(
    draft: Draft, rows: Sequence[int], columns: Iterable[int], layout: str, rounding: Rounding
) -> None:
    """Write a total, a mean or both below `rows` of a draft."""
    columns = list(columns)
    if layout == "none":
        return
    size = len(rows)
    if layout in ("total", "both"):
        for column in columns:
            operands = [((row, column), 1) for row in rows]
            draft.compute("sum", "rows", (draft.row, column), operands)
        draft.texts[draft.row, 0] = "Tot."
        draft.row += 1
    if layout in ("mean", "both"):
        for column in columns:
            operands = [((row, column), 1) for row in rows]
            if layout == "both":
                operands = [((draft.row - 1, column), 1)]
            draft.compute("mean", "rows", (draft.row, column), operands, size, rounding)
        draft.texts[draft.row, 0] = "Mean"
        draft.row += 1


def pressures(rng: np.random.Generator) -> Ledger:
    """Hours across, days down, a mean at the end of every row, and means below."""
    days = int(rng.integers(28, 32))
    hours = int(rng.choice([3, 4, 8, 12, 24]))
    decimals = int(rng.choice([1, 2, 3]))
    more = int(rng.integers(0, 2)) if hours < 12 else 0
    rounding: Rounding = "nearest" if rng.random() < 0.8 else "down"
    draft = Draft(
        rng,
        "pressures",
        [
            Column("day", ""),
            *(
                number(str((hour + 1) * 24 // hours), decimals, "[in_i'Hg]")
                for hour in range(hours)
            ),
            number("Mean", min(3, decimals + more), "[in_i'Hg]"),
        ],
    )
    base = walk(rng, days, 29.8, 0.3) if decimals > 1 else walk(rng, days, 1010, 9)
    spread = 0.03 if decimals > 1 else 1.0
    previous: Position | None = None
    rows = []
    for day in range(days):
        place = draft.put(0, day + 1)
        if previous is not None:
            draft.relate("step", "c0", ((place, 1), (previous, -1)))
        previous = place
        drift = np.cumsum(rng.normal(0, spread, hours)) * math.sqrt(12 / hours)
        operands = [
            (draft.put(1 + hour, 10**decimals * (base[day] + drift[hour])), 1)
            for hour in range(hours)
        ]
        draft.compute("mean", "c-1", (draft.row, hours + 1), operands, hours, rounding)
        rows.append(draft.row)
        draft.row += 1
    layout = ("mean", "mean", "none")[rng.integers(3)]
    summaries(draft, rows, range(1, hours + 1), layout, rounding)
    return draft.done()


def rains(rng: np.random.Generator) -> Ledger:
    """Rain by day at several gauges, dry days nought or blank, running and monthly totals."""
    days = int(rng.integers(28, 32))
    gauges = int(rng.integers(2, 6))
    blank = rng.random() < 0.5
    draft = Draft(
        rng,
        "rains",
        [
            Column("day", "Date"),
            *(number(f"Gauge {index + 1} mm", 1, "mm") for index in range(gauges)),
            number("All gauges", 1, "mm"),
            number("Total to date", 1, "mm"),
        ],
    )
    every, total = gauges + 1, gauges + 2
    wet = rng.uniform(0.35, 0.9)
    rows = []
    for day in range(days):
        place = draft.put(0, day + 1)
        if day:
            draft.relate("step", "c0", ((place, 1), ((draft.row - 1, 0), -1)))
        operands = []
        rain = rng.random() < wet
        for gauge in range(gauges):
            amount = round(rng.gamma(0.8, 80)) if rain else 0
            if amount or not blank:
                operands.append((draft.put(1 + gauge, amount), 1))
        here, last = (draft.row, every), (draft.row - 1, total)
        if operands:
            draft.compute("sum", "c-2", here, operands)
        else:
            draft.put(every, 0)
        if day:
            draft.compute("running", "c-1", (draft.row, total), ((last, 1), (here, 1)))
        else:
            draft.compute("running", "c-1", (draft.row, total), ((here, 1),))
        rows.append(draft.row)
        draft.row += 1
    for column in range(1, every + 1):
        present = [((row, column), 1) for row in rows if (row, column) in draft.values]
        draft.compute("sum", "rows", (draft.row, column), present)
    draft.texts[draft.row, 0] = "Total"
    draft.row += 1
    return draft.done()


def accounts(rng: np.random.Generator) -> Ledger:
    """Items that do not stand together summed in a last column, one column copied, all summed."""
    count = int(rng.integers(10, 41))
    items = int(rng.integers(2, 5))
    draft = Draft(
        rng,
        "accounts",
        [
            Column("text", "Name"),
            number("No.", 0),
            *(number(f"Item {index + 1}", 2) for index in range(items)),
            number("Age", 0),
            number("Sum", 2),
            number("Paid", 2),
        ],
    )
    rows = []
    for line in range(count):
        draft.texts[draft.row, 0] = f"Name {line}"
        draft.put(1, int(rng.integers(100, 9000)))
        operands = [(draft.put(2 + item, int(rng.integers(5, 20000))), 1) for item in range(items)]
        draft.put(2 + items, int(rng.integers(1, 90)))
        here = (draft.row, 3 + items)
        draft.compute("sum", "c-2", here, operands)
        draft.compute("copy", "c-1", (draft.row, 4 + items), ((here, 1),))
        rows.append(draft.row)
        draft.row += 1
    summaries(draft, rows, [*range(2, 2 + items), 3 + items, 4 + items], "total", "exact")
    return draft.done()


def terms(rng: np.random.Generator) -> Ledger:
    """Three readings a day and their mean, the evening's counted once or twice; decades below."""
    days = int(rng.integers(28, 32))
    twice = bool(rng.random() < 0.5)
    draft = Draft(
        rng,
        "terms",
        [
            Column("day", "Tag"),
            *(number(f"{hour} h", 1, "Cel") for hour in (7, 14, 21)),
            number("Mittel", 1, "Cel"),
            *(number(f"{hour} h", 0, "%") for hour in (7, 14, 21)),
            number("Mittel", 0, "%"),
        ],
    )
    level = walk(rng, days, rng.uniform(-8, 18), 4)
    damp = walk(rng, days, 75, 10)
    layout = ("mean", "both", "none")[rng.integers(3)]
    written = 0
    previous: Position | None = None
    for group in split(days, 10):
        rows = []
        for day in range(written, written + group):
            place = draft.put(0, day + 1)
            if previous is not None:
                draft.relate("step", "c0", ((place, 1), (previous, -1)))
            previous = place
            for first, value, spread in ((1, 10 * level[day], 20), (5, damp[day], 8)):
                weights = (1, 1, 2) if twice and first == 1 else (1, 1, 1)
                operands = [
                    (draft.put(first + step, value + rng.normal(0, spread)), weight)
                    for step, weight in enumerate(weights)
                ]
                draft.compute(
                    "mean", f"c{first + 3}", (draft.row, first + 3), operands, sum(weights),
                    "nearest",
                )  # fmt: skip
            rows.append(draft.row)
            draft.row += 1
        written += group
        summaries(draft, rows, range(1, 9), layout, "nearest")
    return draft.done()


def meters(rng: np.random.Generator) -> Ledger:
    """A counter read daily and what went through it: opening, taken in, given out, closing."""
    days = int(rng.integers(15, 32))
    draft = Draft(
        rng,
        "meters",
        [
            Column("day", "Date"),
            number("Opening", 0),
            number("In", 0),
            number("Out", 0),
            number("Closing", 0),
        ],
    )
    closing = None
    stock = int(rng.integers(500, 5000))
    for day in range(days):
        place = draft.put(0, day + 1)
        if closing is None:
            opening = draft.put(1, stock)
        else:
            draft.relate("step", "c0", ((place, 1), ((draft.row - 1, 0), -1)))
            opening = (draft.row, 1)
            draft.compute("carry", "c1", opening, ((closing, 1),))
        taken = draft.put(2, int(rng.integers(0, 700)))
        given = draft.put(3, int(rng.integers(0, min(700, draft.values[opening] + 1))))
        closing = (draft.row, 4)
        draft.compute("sum", "c4", closing, ((opening, 1), (taken, 1), (given, -1)))
        draft.row += 1
    return draft.done()


def continued(rng: np.random.Generator, count: int) -> list[Ledger]:
    """Pages of one account: each ends in totals, which the next brings forward in its first row."""
    columns = int(rng.integers(2, 6))
    pages: list[Ledger] = []
    for page in range(count):
        draft = Draft(
            rng,
            "continued",
            [Column("text", "Name"), *(number(f"Item {index}", 2) for index in range(columns))],
        )
        rows = []
        if pages:
            last = pages[-1]
            for column in range(1, columns + 1):
                draft.put(column, last.values[last.rows - 1, column])
            rows.append(draft.row)
            draft.texts[draft.row, 0] = "Brought forward"
            draft.row += 1
        for line in range(int(rng.integers(12, 30))):
            draft.texts[draft.row, 0] = f"Name {page}-{line}"
            for column in range(1, columns + 1):
                draft.put(column, int(rng.integers(5, 20000)))
            rows.append(draft.row)
            draft.row += 1
        summaries(draft, rows, range(1, columns + 1), "total", "exact")
        pages.append(draft.done())
    return pages


def unrelated(rng: np.random.Generator) -> Ledger:
    """Columns that have nothing to do with each other but the weather; no rule holds."""
    days = int(rng.integers(12, 32))
    count = int(rng.integers(3, 13))
    draft = Draft(
        rng,
        "unrelated",
        [number(f"Column {index}", int(rng.integers(0, 2))) for index in range(count)],
    )
    weather = walk(rng, days, 0, 1)
    for row in range(days):
        for column in range(count):
            own = rng.normal()
            draft.put(column, (30 + 5 * column) * (2 + 0.3 * (weather[row] + own)))
        draft.row = draft.header_rows + row + 1
    return draft.done()


FORMS: Mapping[str, Callable[[np.random.Generator], Ledger]] = {
    form.__name__: form for form in (temperatures, pressures, rains, accounts, terms, meters)
}  # fmt: skip


def generate(rng: np.random.Generator, form: str | None = None) -> Ledger:
    """Return a ledger of the form named, of any where `None`."""
    name = form or str(rng.choice(list(FORMS)))
    return (unrelated if name == "unrelated" else FORMS[name])(rng)


# --- the engine that reads it ---


def readings(
    ledger: Ledger, rng: np.random.Generator, wrong: float = 0.05, unread: float = 0.0
) -> Sheet:
    """Return the ledger as an engine reads it: `wrong` of its numbers misread, `unread` not at all.

    Most cells are believed firmly, some less; a cell believed to p is read rightly with
    probability p. The true text is among the alternatives of most of those misread.
    """
    entries: dict[Position, Entry] = {}
    for place, text in ledger.texts.items():
        if place[0] >= ledger.header_rows and text:
            entries[place] = Entry((Candidate(text, None, math.log(0.98)),))
    for place in ledger.values:
        decimals = ledger.decimals[place]
        if rng.random() < unread:
            entries[place] = Entry((), decimals)
            continue
        truth = ledger.written(place)
        doubt = float(min(0.7, rng.beta(0.25, 0.25 * (1 - wrong) / wrong))) if wrong else 0.0
        doubt = max(doubt, 1e-4)
        shares = rng.dirichlet((4.0, 1.5, 0.8, 0.5)) * doubt * (1 - MISSED)
        rivals = misread(truth, rng, 4)
        texts = [truth, *rivals]
        if wrong and rng.random() < doubt:
            texts = list(rivals)
            if rng.random() >= MISSED:
                rank = 1 + int(rng.choice(4, p=shares / shares.sum()))
                texts.insert(rank, truth)
        logs = [math.log(share) for share in (1 - doubt, *shares)]
        found = [
            Candidate(reading, worth(reading, ledger.scale), log)
            for reading, log in zip(texts, logs, strict=False)
        ]
        found.sort(key=lambda candidate: -candidate.logprob)
        entries[place] = Entry(tuple(found), decimals)
    return Sheet(ledger.rows, ledger.columns, ledger.header_rows, entries, ledger.scale)


def misread(text: str, rng: np.random.Generator, count: int) -> list[str]:
    """Return `count` ways of misreading `text`: digits confused, one lost, one doubled."""
    found: dict[str, None] = {}
    digits = [index for index, sign in enumerate(text) if sign.isdigit()]
    while len(found) < count:
        index = int(rng.choice(digits))
        draw = rng.random()
        if draw < 0.85:
            likely = rng.random() < 0.8
            pool = CONFUSED[text[index]] if likely else "0123456789"
            other = text[:index] + str(rng.choice(list(pool))) + text[index + 1 :]
        elif draw < 0.93 and len(digits) > 1:
            other = text[:index] + text[index + 1 :]
        else:
            other = text[: index + 1] + text[index:]
        if other != text and other[-1] != "." and any(sign.isdigit() for sign in other):
            found[other] = None
    return list(found)


def shuffled(sheet: Sheet, rng: np.random.Generator, within: str = "column") -> Sheet:
    """Return `sheet` with its numbers in other places: `within` each column, row, or the table."""
    places = [place for place, entry in sheet.entries.items() if entry.value is not None]
    groups: dict[int, list[Position]] = {}
    for place in places:
        key = {"column": place[1], "row": place[0], "table": 0}[within]
        groups.setdefault(key, []).append(place)
    entries = dict(sheet.entries)
    for group in groups.values():
        for place, index in zip(group, rng.permutation(len(group)), strict=True):
            entries[place] = sheet.entries[group[int(index)]]
    return Sheet(sheet.rows, sheet.columns, sheet.header_rows, entries, sheet.scale)
