"""The version of the code that reads; part of a run's identity."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    CODE_VERSION: str = version("ledgermill")
except PackageNotFoundError:  # run from a bare checkout
    CODE_VERSION = "0+unknown"
