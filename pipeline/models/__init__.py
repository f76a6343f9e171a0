"""Weights that ship with the package, each with its card `NAME.md`, and how they are kept."""
