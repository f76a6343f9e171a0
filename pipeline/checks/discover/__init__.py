"""Relations between the cells of a table, found without being told."""

from pipeline.checks.discover.find import find_rules

__all__ = ["find_rules"]
