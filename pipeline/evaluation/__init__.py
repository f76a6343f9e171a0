"""Readings against ground truth: text by its edits, tables by the place of every value."""
