"""Relations between the cells of a table, and from page to page, found without being told."""

from pipeline.checks.discover.carries import find_carries, stack
from pipeline.checks.discover.find import find_rules

__all__ = ["find_carries", "find_rules", "stack"]
