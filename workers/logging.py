"""Structured logs: one JSON object a line on stderr, with the job, shard and page it is about.

A shard's token is also its task's id. stdout belongs to results. Without `set_up`, structlog would
write there. Passwords in addresses are not logged, whoever quotes them.
"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from workers.settings import hide_passwords


def set_up(level: str) -> None:
    """Send logs from `level` (`debug`, `info`, `warning`, `error`) upwards to stderr."""
    said: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _hide,
    ]
    written = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        processors=[*said, written],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    # Celery and its companions log in Python's own way; a reader of logs wants one form.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*said, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, written],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def _hide(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {
        name: hide_passwords(value) if isinstance(value, str) else value
        for name, value in event.items()
    }
