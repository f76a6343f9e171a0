"""What people say stands on a page: a layer of its own, kept for ever, laid on every reading.

`mill.correction` holds all that was ever said, anchored by polygon. What is in effect is *laid* on
each reading of the page, in the transaction that changes it: `mill.line` and `mill.cell` then hold
what stands, so that views, search and exports show it without a look-up, and what the machine had
said there moves to `mill.line_as_read`, `mill.cell_as_read` and `mill.table_as_read`, from where it
comes back when the correction is withdrawn. No function commits.
"""

from __future__ import annotations

from storage.corrections.kept import as_read
from storage.corrections.laying import lay, lay_on
from storage.corrections.making import correct, corrections_of, hold, withdraw
from storage.corrections.records import (
    CellPlace,
    Conflict,
    Correction,
    LinePlace,
    Place,
)

__all__ = [
    "CellPlace",
    "Conflict",
    "Correction",
    "LinePlace",
    "Place",
    "as_read",
    "correct",
    "corrections_of",
    "hold",
    "lay",
    "lay_on",
    "withdraw",
]
