from __future__ import annotations

from tests.workers.conftest import make_job

__all__ = ["make_job"]
