from __future__ import annotations

import os
from pathlib import Path

import pytest

from workers import machine
from workers.machine import Readers, cores, most_memory, share_out


def test_a_container_s_limit_counts_where_it_is_less(tmp_path: Path) -> None:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit, none = tmp_path / "memory.max", tmp_path / "limit_in_bytes"
    none.write_text("max\n")
    assert most_memory((limit, none)) == machine
    limit.write_text("1073741824\n")
    assert most_memory((limit, none)) == 1 << 30
    limit.write_text(f"{machine * 2}\n")
    assert most_memory((limit, none)) == machine


@pytest.mark.parametrize(
    ("said", "count"), [("max 100000", 64), ("250000 100000", 3), ("10000 100000", 1), ("?", 64)]
)
def test_a_container_s_quota_counts_where_it_is_less(
    said: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    (tmp_path / "cpu.max").write_text(said)
    assert cores(tmp_path / "cpu.max") == count
    assert cores(tmp_path / "none") == 64


@pytest.mark.parametrize(
    ("device", "processes", "threads", "shared"),
    [
        ("cpu", None, None, Readers(5, 4)),
        ("cpu", 2, None, Readers(2, 8)),
        ("cpu", None, 3, Readers(2, 3)),
        ("cpu", None, 16, Readers(1, 16)),
        ("cpu", 3, 3, Readers(3, 3)),
        ("cuda:1", None, None, Readers(1, None)),
        ("cuda:1", 2, 4, Readers(2, 4)),
        ("auto", None, None, Readers(5, 4)),
    ],
)
def test_cores_and_memory_are_shared_out(
    device: str,
    processes: int | None,
    threads: int | None,
    shared: Readers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 8)
    monkeypatch.setattr(machine, "most_memory", lambda: 16 * 2**30)
    monkeypatch.setattr(machine, "_NVIDIA", tmp_path / "none")
    assert share_out(device, processes, threads) == shared
    (tmp_path / "none").touch()
    assert share_out("auto").processes == 1
