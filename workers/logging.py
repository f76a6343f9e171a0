"""Structured logs: one JSON object a line on stderr, with the job, shard and page it is about.

stdout belongs to results. Without `set_up`, structlog would write there.
"""

from __future__ import annotations

import logging
import sys

import structlog


def set_up(level: str) -> None:
    """Send logs from `level` (`debug`, `info`, `warning`, `error`) upwards to stderr."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    # Celery and its companions log in Python's own way.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
