from __future__ import annotations

import os
from pathlib import Path

from workers.memory import give_back, most_memory, resident


def test_a_container_s_limit_counts_where_it_is_less(tmp_path: Path) -> None:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit, none = tmp_path / "memory.max", tmp_path / "limit_in_bytes"
    none.write_text("max\n")
    assert most_memory((limit, none)) == machine
    limit.write_text("1073741824\n")
    assert most_memory((limit, none)) == 1 << 30
    limit.write_text(f"{machine * 2}\n")
    assert most_memory((limit, none)) == machine


def test_what_is_taken_is_seen() -> None:
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
