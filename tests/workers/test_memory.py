from __future__ import annotations

import gc

from workers.memory import give_back, resident


def test_what_is_taken_is_seen() -> None:
    gc.collect()  # what other tests left is not to be freed meanwhile
    give_back()
    before = resident()
    taken = bytearray(b"x") * (64 << 20)
    assert resident() - before > 60 << 20
    del taken


def test_gaps_between_what_is_used_are_given_back() -> None:
    blocks = [bytes(3000) for _ in range(30_000)]
    used = resident()
    blocks = blocks[::100]  # what is left holds on to all of it
    give_back()
    assert used - resident() > 40 << 20
    assert len(blocks) == 300
