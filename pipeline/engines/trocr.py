"""TrOCR (Li et al. 2021, arXiv 2109.10282) and its kin, from a local folder of weights alone.

The folder is what transformers' `save_pretrained` writes of a `VisionEncoderDecoderModel` and its
tokenizer; a profile names it as the weights of its recognition (`weights = "models/trocr"`).
Nothing is fetched, and nothing but safetensors is loaded: a pickle could run code. Pages are
divided into lines by the detector of `native`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import BadInput, LedgermillError
from pipeline.models.load import digest, model_path
from pipeline.page import Alternative, Reading
from pipeline.profiles import Profile
from pipeline.recognition.ctc import ALTERNATIVES, CHARSETS
from pipeline.recognition.decoding import is_numeric, keep_allowed, pattern_of

if TYPE_CHECKING:
    import torch

    from pipeline.detection.detect import Detector

BEAMS = 5
LONGEST_TEXT = 256
"""Tokens at most of one line."""

DETECTOR = "detector"


def load(profile: Profile, device: str, threads: int | None) -> TrOcr:
    """Load the folder that the profile names; see `pipeline.engines.load_engine`."""
    return TrOcr(profile, device, threads)


def weights_digest(profile: Profile) -> str:
    """Return the SHA-256 of the folder's files, by name, and of the detector."""
    whole = hashlib.sha256(_digest(_folder(profile)).encode())
    detector = _detector(profile)
    whole.update(digest(detector).encode() if detector.exists() else b"")
    return whole.hexdigest()


class TrOcr:
    """An `Engine`; see there.

    An alternative's probability is that of its tokens under the decoder, as beam search finds
    it; the confidence of a reading is that of the best, and not calibrated.
    """

    def __init__(self, profile: Profile, device: str, threads: int | None) -> None:
        folder = _folder(profile)
        transformers = _transformers()
        import torch

        self.device = _device(device)
        if threads is not None:
            torch.set_num_threads(threads)
        self.profile = profile
        self.digest = weights_digest(profile)
        self.crops = profile.recognition.crops
        try:
            self.network: Any = transformers.VisionEncoderDecoderModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
            )
            self.tokens: Any = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # transformers raises whatever it came upon
            reason = " ".join(str(error).split())[:200]
            raise BadInput(str(folder), f"holds no TrOCR ({reason})", _REMEDY) from error
        self.network.to(self.device).eval()
        self.size, self.mean, self.std = _pixels(folder, self.network.config)
        self.suppressed: dict[str, list[int]] = {}
        self.detector: Detector | None = None

    def detect(self, gray: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.detector is None:
            from pipeline.detection.detect import load_detector

            path, settings = _detector(self.profile), self.profile.detection
            self.detector = load_detector(path, str(self.device), settings)
        return self.detector.detect(gray)

    def recognize(
        self, crops: Sequence[NDArray[np.uint8]], charset: str | None = None
    ) -> list[Reading]:
        suppressed = self._suppressed(charset)
        readings: list[Reading] = []
        for start in range(0, len(crops), self.crops):
            pixels = np.stack([self._fitted(crop) for crop in crops[start : start + self.crops]])
            readings += self._read(pixels, suppressed)
        return [keep_allowed(reading, charset) for reading in readings]

    def _fitted(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return a crop as 3 x H x W pixels: stretched to a square, as these networks learn."""
        height, width = self.size
        scaled = cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR)
        colours = np.broadcast_to(scaled.astype(np.float32) / 255, (3, height, width))
        return ((colours - self.mean) / self.std).astype(np.float32)

    def _read(self, pixels: NDArray[np.float32], suppressed: list[int]) -> list[Reading]:
        import torch

        with torch.inference_mode():
            found = self.network.generate(
                torch.from_numpy(pixels).to(self.device),
                num_beams=BEAMS,
                num_return_sequences=BEAMS,
                do_sample=False,
                # A score is then the sum of the tokens' log-probabilities.
                length_penalty=0.0,
                no_repeat_ngram_size=0,
                max_new_tokens=min(LONGEST_TEXT, self._room()),
                suppress_tokens=suppressed or None,
                return_dict_in_generate=True,
                output_scores=True,
            )
        texts = self.tokens.batch_decode(found.sequences, skip_special_tokens=True)
        scores = found.sequences_scores.tolist()
        return [
            _reading(texts[i : i + BEAMS], scores[i : i + BEAMS])
            for i in range(0, len(texts), BEAMS)
        ]

    def _room(self) -> int:
        places = getattr(self.network.config.decoder, "max_position_embeddings", LONGEST_TEXT)
        return max(1, int(places) - 2)

    def _suppressed(self, charset: str | None) -> list[int]:
        """Return the tokens that hold a character that the charset does not allow."""
        if pattern_of(charset) is not None:
            charset = "numeric" if is_numeric(charset) else None
        if charset is None:
            return []
        if charset not in self.suppressed:
            special = set(self.tokens.all_special_ids)
            self.suppressed[charset] = [
                token
                for token in range(len(self.tokens))
                if token not in special
                and not all(map(CHARSETS[charset], self.tokens.decode([token])))
            ]
        return self.suppressed[charset]


def _reading(texts: Sequence[str], scores: Sequence[float]) -> Reading:
    best: dict[str, float] = {}
    for text, score in sorted(zip(texts, scores, strict=True), key=lambda each: -each[1]):
        best.setdefault(text.strip(), min(0.0, score))
    alternatives = tuple(Alternative(*each) for each in list(best.items())[:ALTERNATIVES])
    return Reading(alternatives[0].text, float(np.exp(alternatives[0].logprob)), alternatives)


def _pixels(
    folder: Path, config: Any
) -> tuple[tuple[int, int], NDArray[np.float32], NDArray[np.float32]]:
    """Return height and width of the network's input, and what its pixels are normalized by."""
    side = config.encoder.image_size
    height, width = (side, side) if isinstance(side, int) else side
    file = folder / "preprocessor_config.json"
    said = json.loads(file.read_text("utf-8")) if file.exists() else {}
    mean, std = (said.get(name, [0.5] * 3) for name in ("image_mean", "image_std"))
    shape = (3, 1, 1)
    return (
        (int(height), int(width)),
        np.array(mean, np.float32).reshape(shape),
        np.array(std, np.float32).reshape(shape),
    )


_REMEDY = "name the folder that save_pretrained wrote, with its tokenizer, as recognition.weights"


def _folder(profile: Profile) -> Path:
    name = profile.recognition.weights
    if not name:
        raise LedgermillError(f"engine trocr: profile {profile.name} names no weights; {_REMEDY}")
    folder = Path(name).expanduser().resolve()
    if not folder.is_dir():
        raise BadInput(name, "is no folder", _REMEDY)
    if not any(folder.glob("*.safetensors")):
        remedy = "convert its weights with save_pretrained(folder, safe_serialization=True)"
        raise BadInput(name, "holds no .safetensors, and nothing else is loaded", remedy)
    return folder


def _detector(profile: Profile) -> Path:
    own = profile.detection.weights
    return model_path(DETECTOR) if own is None else Path(own)


@cache
def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        with file.open("rb") as data:
            whole.update(f"{file.name} {hashlib.file_digest(data, 'sha256').hexdigest()}".encode())
    return whole.hexdigest()


def _device(device: str) -> torch.device:
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise LedgermillError(f"device {device}: torch finds no GPU; set LEDGERMILL_DEVICE=cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def _transformers() -> Any:
    try:
        return import_module("transformers")
    except ImportError as error:
        raise LedgermillError(
            f"engine trocr: transformers is missing ({error}); pip install ledgermill[trocr]"
        ) from error
