"""Servers that sources are fetched from: who may be asked (`allow`), how (`http`, `s3`, `iiif`).

Only workers fetch (`workers.bring`); whoever lists sources looks at nothing there.
"""
