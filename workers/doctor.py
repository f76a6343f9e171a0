"""What this machine lacks, and the exact command that mends it."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from pipeline.errors import LedgermillError
from workers import services
from workers.settings import settings

State = Literal["ok", "warning", "missing"]

_DISK_BYTES = 200_000_000
_ROOMY_DISK_BYTES = 5_000_000_000
_ROOMY_MEMORY_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; only `missing` keeps ledgermill from working."""

    name: str
    state: State
    detail: str
    remedy: str | None = None


def examine() -> list[Check]:
    """Look at everything; starts nothing and changes nothing but one tiny stored object."""
    checks: list[Callable[[], Iterator[Check]]] = [
        _python,
        _pixels,
        _poppler,
        _weights,
        _device,
        _locale,
        _home,
        _memory,
        _services,
    ]
    found: list[Check] = []
    for check in checks:
        try:
            found += check()
        except LedgermillError as error:
            found.append(Check(check.__name__.strip("_"), "missing", str(error)))
    return found


def _python() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    yield Check(
        "python", "ok" if good else "missing", version, None if good else _apt("python3.11-venv")
    )


def _pixels() -> Iterator[Check]:
    try:
        import cv2
    except ImportError as error:
        yield Check("opencv", "missing", str(error).splitlines()[0], _replace_opencv())
        return
    try:
        extra = metadata.version("opencv-python")
    except metadata.PackageNotFoundError:
        yield Check("opencv", "ok", cv2.__version__)
    else:
        yield Check(
            "opencv",
            "warning",
            f"opencv-python {extra} lies over opencv-python-headless and wants desktop libraries",
            _replace_opencv(),
        )


def _poppler() -> Iterator[Check]:
    found = shutil.which("pdftoppm")
    if found and shutil.which("pdfimages"):
        yield Check("poppler", "ok", found)
    else:
        detail = "not installed; PDF files are read with pypdfium2 instead"
        yield Check("poppler", "warning", detail, _apt("poppler-utils"))


def _weights() -> Iterator[Check]:
    from importlib.util import find_spec

    spec = find_spec("rapidocr")
    places = spec.submodule_search_locations if spec else None
    models = sorted((Path(places[0]) / "models").glob("*.onnx")) if places else []
    parts = {part for part in ("det", "rec") for m in models if f"_{part}_" in m.name}
    if parts == {"det", "rec"}:
        yield Check("weights", "ok", ", ".join(m.stem for m in models))
    else:
        remedy = f"{sys.executable} -m pip install --force-reinstall --no-deps rapidocr"
        yield Check("weights", "missing", "rapidocr's models are not there", remedy)


def _device() -> Iterator[Check]:
    import onnxruntime
    import torch

    asked = settings().device
    torch_sees = torch.cuda.is_available()
    onnx_sees = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    name = torch.cuda.get_device_name() if torch_sees else "none"
    if asked == "cpu":
        yield Check("device", "ok", "cpu, as set")
    elif torch_sees and onnx_sees:
        yield Check("device", "ok", f"GPU {name}")
    elif torch_sees:
        pip = f"{sys.executable} -m pip"
        yield Check(
            "device",
            "missing" if asked.startswith("cuda") else "warning",
            f"GPU {name}, but this onnxruntime cannot use it",
            f"{pip} uninstall -y onnxruntime && {pip} install onnxruntime-gpu",
        )
    elif asked.startswith("cuda"):
        remedy = "unset LEDGERMILL_DEVICE, or install the GPU's driver and see nvidia-smi"
        yield Check("device", "missing", f"{asked} is set, but torch finds no GPU", remedy)
    else:
        yield Check("device", "ok", f"cpu, {len(os.sched_getaffinity(0))} cores; no GPU found")


def _locale() -> Iterator[Check]:
    # The embedded Postgres folds and sorts by C.UTF-8; libc brings it, if libc is whole.
    libc = ctypes.CDLL(None)
    libc.newlocale.restype = ctypes.c_void_p
    ctype_mask = 1
    if libc.newlocale(ctype_mask, b"C.UTF-8", None):
        yield Check("locale", "ok", "C.UTF-8")
    else:
        needed = settings().database_url is None
        state: State = "missing" if needed else "ok"
        yield Check("locale", state, "C.UTF-8 is not there", _apt("--reinstall libc-bin"))


def _home() -> Iterator[Check]:
    home = settings().home
    existing = next(p for p in (home, *home.parents) if p.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        remedy = "export LEDGERMILL_HOME=$HOME/ledgermill"
        yield Check("home", "missing", f"{home} cannot be written", remedy)
        return
    free = shutil.disk_usage(existing).free
    detail = f"{home}, {free / 1e9:.1f} GB free"
    if free < _DISK_BYTES:
        yield Check("home", "missing", detail, "export LEDGERMILL_HOME=/folder/with/space")
    elif free < _ROOMY_DISK_BYTES:
        yield Check("home", "warning", detail, "export LEDGERMILL_HOME=/folder/with/space")
    else:
        yield Check("home", "ok", detail)


def _memory() -> Iterator[Check]:
    import psutil

    free = psutil.virtual_memory().available
    detail = f"{free / 1e9:.1f} GB free"
    if free < _ROOMY_MEMORY_BYTES:
        remedy = "end other programs, or read smaller shards: export LEDGERMILL_SHARD_PAGES=4"
        yield Check("memory", "warning", detail, remedy)
    else:
        yield Check("memory", "ok", detail)


def _services() -> Iterator[Check]:
    for service in services.status():
        shown = f"{service.version}, {service.where}" if service.version else service.where
        if service.running:
            yield Check(service.name, "ok", shown)
        elif service.mode == "embedded":
            detail = f"{shown}: stopped; starts by itself when it is needed"
            yield Check(service.name, "ok", detail, "ledgermill up")
        else:
            setting = {"database": "DATABASE_URL", "broker": "BROKER_URL"}
            name = setting.get(service.name, "OBJECT_STORE")
            detail = f"{shown}: {service.reason}"
            yield Check(service.name, "missing", detail, f"start it, or: unset {name}")
        if service.running and service.name == "database":
            yield _schema()
        if service.running and service.name == "objects":
            yield _store()


def _schema() -> Check:
    import sqlalchemy

    from storage.database import connect, latest_version

    engine = connect(services.endpoints().database_url)
    try:
        with engine.connect() as connection:
            query = sqlalchemy.text("select version_num from mill.alembic_version")
            found = connection.scalar(query)
    except sqlalchemy.exc.ProgrammingError:
        found = None
    finally:
        engine.dispose()
    if found == latest_version():
        return Check("schema", "ok", f"version {found}")
    detail = f"version {found}, this ledgermill wants {latest_version()}"
    return Check("schema", "warning", detail, "ledgermill up")


def _store() -> Check:
    from storage.objects import open_store

    where = services.endpoints().object_store
    try:
        store = open_store(where)
        store.get(store.put(b"ledgermill doctor was here\n", "text/plain"))
    except Exception as error:  # every kind of store fails in its own way
        reason = " ".join(str(error).split())[:300]
        return Check("objects", "missing", reason, "let this user write there")
    return Check("objects", "ok", "can be written and read")


def _apt(package: str) -> str:
    return f"{'' if os.geteuid() == 0 else 'sudo '}apt-get install -y {package}"


def _replace_opencv() -> str:
    pip = f"{sys.executable} -m pip"
    return (
        f"{pip} uninstall -y opencv-python && "
        f"{pip} install --force-reinstall --no-deps opencv-python-headless"
    )
