"""PP-OCRv6 (small) through `rapidocr`, whose wheel carries the models; runs on onnxruntime.

Detection is rapidocr's own. Recognition calls the same model directly, because rapidocr reads
with a fixed batch of six, pads narrow crops to 320 pixels, and keeps only the best reading.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import LedgermillError
from pipeline.page import Reading
from pipeline.profiles import Profile
from pipeline.recognition.decoding import Decoder

HEIGHT = 48
LONGEST = 3200
LONGEST_SIDE = 2880
BUCKETS = (*range(32, 257, 32), *range(320, 513, 64), *range(640, LONGEST + 1, 128))
"""Widths that crops are padded to. A crop's own width alone decides, never its company in a batch:
padding changes what the network sees, and a page must read the same in whatever shard it comes."""

DETECTOR = "PP-OCRv6_det_small.onnx"
RECOGNIZER = "PP-OCRv6_rec_small.onnx"


def load(profile: Profile, device: str, threads: int | None) -> RapidOcr:
    """Load both networks; see `pipeline.engines.load_engine`."""
    return RapidOcr(profile, device, threads)


def weights_digest(_profile: Profile) -> str:
    """Return the SHA-256 of both models' bytes, detector first."""
    return _digest()


@cache
def _digest() -> str:
    digest = hashlib.sha256()
    for name in (DETECTOR, RECOGNIZER):
        digest.update(_model(name).read_bytes())
    return digest.hexdigest()


class RapidOcr:
    """An `Engine`; see there."""

    def __init__(self, profile: Profile, device: str, threads: int | None) -> None:
        import onnxruntime
        from rapidocr import RapidOCR

        cuda = _use_cuda(device, onnxruntime.get_available_providers())
        number = int(device.partition(":")[2] or 0)
        self.digest = weights_digest(profile)
        self.crops = profile.recognition.crops
        self.detector = RapidOCR(
            params={
                "Global.use_cls": False,
                "Global.use_rec": False,
                "Global.log_level": "error",
                "Global.max_side_len": profile.detection.longest_side or LONGEST_SIDE,
                "Det.max_candidates": 5000,
                "Det.box_thresh": profile.detection.least_score,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads or -1,
                "EngineConfig.onnxruntime.use_cuda": cuda,
                "EngineConfig.onnxruntime.cuda_ep_cfg.device_id": number,
            }
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        # As in `pipeline`: idle threads leave their core to others.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False  # widths vary: an arena would only ever grow
        providers: list[Any] = ["CPUExecutionProvider"]
        if cuda:
            providers.insert(0, ("CUDAExecutionProvider", {"device_id": number}))
        self.session = onnxruntime.InferenceSession(
            str(_model(RECOGNIZER)), options, providers=providers
        )
        self.input = self.session.get_inputs()[0].name
        # One class more than the model names: the space comes last.
        named = self.session.get_modelmeta().custom_metadata_map["character"].splitlines()
        self.decoder = Decoder([*named, " "])

    def detect(self, gray: NDArray[np.uint8]) -> NDArray[np.float32]:
        found: Any = self.detector(
            cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), use_det=True, use_cls=False, use_rec=False
        )
        if found.boxes is None or len(found.boxes) == 0:
            return np.zeros((0, 4, 2), np.float32)
        return np.asarray(found.boxes, np.float32)

    def recognize(
        self, crops: Sequence[NDArray[np.uint8]], charset: str | None = None
    ) -> list[Reading]:
        widths = [_width(crop) for crop in crops]
        buckets: dict[int, list[int]] = {}
        for i, width in enumerate(widths):
            buckets.setdefault(BUCKETS[bisect_left(BUCKETS, width)], []).append(i)
        readings: dict[int, Reading] = {}
        for wide, members in buckets.items():
            for start in range(0, len(members), self.crops):
                batch = members[start : start + self.crops]
                pixels = np.zeros((len(batch), 3, HEIGHT, wide), np.float32)
                for k, i in enumerate(batch):
                    size = (widths[i], HEIGHT)
                    resized = cv2.resize(crops[i], size, interpolation=cv2.INTER_LINEAR)
                    pixels[k, :, :, : widths[i]] = resized / 127.5 - 1
                outputs = self.session.run(None, {self.input: pixels})[0]
                decoded = self.decoder.decode(outputs, charset)
                readings |= zip(batch, decoded, strict=True)
        return [readings[i] for i in range(len(crops))]


def _width(crop: NDArray[np.uint8]) -> int:
    height, width = crop.shape[:2]
    return int(np.clip(round(width * HEIGHT / height), 8, LONGEST))


def _model(name: str) -> Path:
    import rapidocr

    path = Path(rapidocr.__file__).parent / "models" / name
    if not path.is_file():
        raise LedgermillError(
            f"{name}: not in the installed rapidocr; pip install --force-reinstall rapidocr"
        )
    return path


def _use_cuda(device: str, providers: Sequence[str]) -> bool:
    there = "CUDAExecutionProvider" in providers
    if device.startswith("cuda") and not there:
        raise LedgermillError(
            f"device {device}: onnxruntime has no CUDA here; pip install ledgermill[gpu], "
            "or set LEDGERMILL_DEVICE=cpu"
        )
    return there and device != "cpu"
