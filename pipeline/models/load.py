"""Weights on disk: safetensors alone, with what builds the network in their metadata."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pipeline.errors import BadInput
from pipeline.recognition.network import Recognizer, RecognizerConfig

FOLDER = Path(__file__).parent
METADATA = "ledgermill"


def model_path(name: str) -> Path:
    """Return where the shipped weights of that name are."""
    return FOLDER / f"{name}.safetensors"


def shipped_models() -> frozenset[str]:
    """Return the names of all weights that are shipped."""
    return frozenset(path.stem for path in FOLDER.glob("*.safetensors"))


def write(path: Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write weights and their config (what JSON can hold) to `path`, whole or not at all."""
    data = save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        metadata={METADATA: json.dumps(config, ensure_ascii=False, sort_keys=True)},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


def read(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the weights and the config of a file that `write` made. Raises `BadInput`."""
    remedy = "give a .safetensors file that ledgermill train wrote"
    try:
        with safe_open(path, framework="pt", device=device) as file:
            config = json.loads((file.metadata() or {})[METADATA])
            return {name: file.get_tensor(name) for name in file.keys()}, config  # noqa: SIM118
    except OSError as error:
        raise BadInput(str(path), f"cannot be read ({error.strerror})", remedy) from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise BadInput(str(path), "holds no weights of Ledgermill", remedy) from error


@cache
def digest(path: Path) -> str:
    """Return the SHA-256, in hex, of a file of weights."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def recognizer_config(config: Mapping[str, Any]) -> RecognizerConfig:
    """Return the `recognizer` part of a file's config. Raises `KeyError` or `TypeError`."""
    fields = dict(config["recognizer"])
    return RecognizerConfig(**{**fields, "channels": tuple(fields["channels"])})


def write_recognizer(
    path: Path, network: Recognizer, weights: Mapping[str, Tensor], **notes: Any
) -> None:
    """Write a recognizer's weights, in half precision, with its config and `notes`."""
    halves = {name: tensor.to(torch.float16) for name, tensor in weights.items()}
    write(path, halves, {"recognizer": asdict(network.config), **notes})


def load_recognizer(path: Path, device: str = "cpu") -> tuple[Recognizer, dict[str, Any]]:
    """Return a recognizer ready to read, and its file's config. Raises `BadInput`."""
    tensors, config = read(path, device)
    try:
        network = Recognizer(recognizer_config(config))
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (KeyError, TypeError, RuntimeError) as error:
        raise BadInput(
            str(path), "holds no recognizer", "give weights of ledgermill train recognizer"
        ) from error
    return network.to(device).eval(), config
