"""Pixels and a profile in, a transcription out: no database, queue, network or clock."""
