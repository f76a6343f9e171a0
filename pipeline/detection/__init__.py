"""Detection: where text stands on a page, whatever its size and turn."""
