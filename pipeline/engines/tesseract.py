"""Tesseract (Smith 2007) through its command line: one process a page or a batch of crops.

The program and its languages come from the system; a profile names them as the weights of its
recognition (`weights = "fra+eng"`). It sees only files in a folder that is gone afterwards.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import LedgermillError
from pipeline.page import Alternative, Reading
from pipeline.profiles import Profile
from pipeline.recognition.ctc import NUMERIC
from pipeline.recognition.decoding import is_numeric, keep_allowed

LANGUAGES = "eng"
PAGE_SECONDS = 240.0
CROP_SECONDS = 4.0
MOST_CROPS = 256
BORDER = 12
"""Pixels of paper around a crop: without, Tesseract takes strokes at the edge for noise."""

LONGEST_SIDE = 2880
LOWEST = 40
LEVEL_PAGE, LEVEL_LINE, LEVEL_WORD = 1, 4, 5
SPARSE, ONE_LINE = "11", "7"
"""Tesseract's page segmentation modes: as much text as there is, in no order; one line."""

NUMERIC_OPTIONS = (
    f"tessedit_char_whitelist={''.join(sorted(NUMERIC - {' '}))}",
    "load_system_dawg=0",
    "load_freq_dawg=0",
)

_LANGUAGE = re.compile(r"[A-Za-z0-9_]+(\+[A-Za-z0-9_]+)*")


def load(profile: Profile, device: str, threads: int | None) -> Tesseract:
    """Find the program and its languages; see `pipeline.engines.load_engine`."""
    if device.startswith("cuda"):
        raise LedgermillError(
            f"device {device}: tesseract runs on the CPU only; set LEDGERMILL_DEVICE=cpu"
        )
    return Tesseract(profile, threads)


def weights_digest(profile: Profile) -> str:
    """Return the SHA-256 of the program's version and of its languages' bytes."""
    return _digest(_program(), profile.recognition.weights or LANGUAGES)


class Tesseract:
    """An `Engine`; see there.

    Confidence is the product of the words' own, which Tesseract does not calibrate; there is one
    alternative, the reading itself. A line that it finds empty has confidence 0: it does not say
    how sure it is of that.
    """

    def __init__(self, profile: Profile, threads: int | None) -> None:
        self.program = _program()
        self.digest = weights_digest(profile)
        self.languages = profile.recognition.weights or LANGUAGES
        self.crops = profile.recognition.crops
        self.longest_side = profile.detection.longest_side or LONGEST_SIDE
        self.threads = threads or len(os.sched_getaffinity(0))

    def detect(self, gray: NDArray[np.uint8]) -> NDArray[np.float32]:
        scale = min(1.0, self.longest_side / max(gray.shape))
        if scale < 1:
            gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(
                np.uint8
            )
        boxes = []
        for row in self._run([gray], SPARSE, (), PAGE_SECONDS):
            if int(row["level"]) == LEVEL_LINE:
                x, y, w, h = (int(row[name]) for name in ("left", "top", "width", "height"))
                boxes.append([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
        return np.array(boxes, np.float32).reshape(-1, 4, 2) / np.float32(scale)

    def recognize(
        self, crops: Sequence[NDArray[np.uint8]], charset: str | None = None
    ) -> list[Reading]:
        options = NUMERIC_OPTIONS if is_numeric(charset) else ()
        size = min(MOST_CROPS, max(self.crops, -(-len(crops) // self.threads)))
        batches = [crops[i : i + size] for i in range(0, len(crops), size)]

        def read(batch: Sequence[NDArray[np.uint8]]) -> list[Reading]:
            seconds = PAGE_SECONDS / 4 + CROP_SECONDS * len(batch)
            framed = [_framed(crop) for crop in batch]
            readings = _readings(self._run(framed, ONE_LINE, options, seconds), len(batch))
            return [keep_allowed(reading, charset) for reading in readings]

        with ThreadPoolExecutor(self.threads, thread_name_prefix="tesseract") as pool:
            return [reading for readings in pool.map(read, batches) for reading in readings]

    def _run(
        self,
        images: Sequence[NDArray[np.uint8]],
        mode: str,
        options: Sequence[str],
        seconds: float,
    ) -> list[dict[str, str]]:
        """Return the rows of Tesseract's table for the images; `page_num` counts them from 1."""
        with tempfile.TemporaryDirectory(prefix="ledgermill-") as name:
            folder = Path(name)
            files = [folder / f"{i}.pgm" for i in range(len(images))]
            for file, image in zip(files, images, strict=True):
                file.write_bytes(cv2.imencode(".pgm", image)[1].tobytes())
            (folder / "list").write_text("".join(f"{file}\n" for file in files))
            command = [self.program, str(folder / "list"), str(folder / "read")]
            command += ["-l", self.languages, "--psm", mode, "--dpi", "300"]
            # Crops and pages are dark on light: no second look at them inverted.
            for option in ("tessedit_do_invert=0", *options):
                command += ["-c", option]
            _call([*command, "tsv"], seconds)
            with (folder / "read.tsv").open(encoding="utf-8", newline="") as table:
                return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


def _readings(rows: Sequence[dict[str, str]], count: int) -> list[Reading]:
    words: list[list[tuple[str, float]]] = [[] for _ in range(count)]
    for row in rows:
        if int(row["level"]) == LEVEL_WORD and row["text"].strip():
            confidence = min(max(float(row["conf"]) / 100, 0.0), 1.0)
            words[int(row["page_num"]) - 1].append((row["text"], confidence))
    return [_reading(line) for line in words]


def _reading(words: Sequence[tuple[str, float]]) -> Reading:
    text = " ".join(word for word, _ in words)
    confidence = float(np.prod([c for _, c in words])) if words else 0.0
    return Reading(text, confidence, (Alternative(text, float(np.log(max(confidence, 1e-12)))),))


def _framed(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a crop with paper around it, at least `LOWEST` pixels high."""
    if crop.shape[0] < LOWEST:
        scale = LOWEST / crop.shape[0]
        crop = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC).astype(
            np.uint8
        )
    paper = float(np.percentile(crop, 85))
    return cv2.copyMakeBorder(
        crop, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_CONSTANT, value=(paper,)
    ).astype(np.uint8)


def _call(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            env={**os.environ, "OMP_THREAD_LIMIT": "1", "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as error:
        raise LedgermillError(
            f"tesseract: not done after {seconds:.0f} s; lower detection.longest_side in the "
            "profile, or name another engine"
        ) from error
    except OSError as error:
        raise LedgermillError(f"{command[0]}: cannot be run ({error.strerror}); {_APT}") from error
    if done.returncode != 0:
        said = next(iter(done.stderr.strip().splitlines()), f"status {done.returncode}")
        raise LedgermillError(f"tesseract: {said}; see that `{' '.join(command[:1])} -v` works")
    return done


_APT = "apt-get install -y tesseract-ocr"


def _program() -> str:
    found = shutil.which("tesseract")
    if found is None:
        raise LedgermillError(f"engine tesseract: the program is not installed; {_APT}")
    return found


@cache
def _digest(program: str, languages: str) -> str:
    digest = hashlib.sha256(_call([program, "--version"], 30).stdout.splitlines()[0].encode())
    for file in _traineddata(program, languages):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _traineddata(program: str, languages: str) -> Iterator[Path]:
    if not _LANGUAGE.fullmatch(languages):
        raise LedgermillError(
            f"languages {languages!r}: not tesseract's; write recognition.weights as fra+eng"
        )
    listed = _call([program, "--list-langs"], 30).stdout.splitlines()
    place = re.search(r'"(.+)"', listed[0]) if listed else None
    for language in languages.split("+"):
        file = Path(place[1] if place else "") / f"{language}.traineddata"
        if not file.is_file():
            raise LedgermillError(
                f"tesseract: language {language} is not installed; {_APT}-{language}"
            )
        yield file
