"""TrOCR from a folder: refusals anywhere; reading only where transformers is installed."""

from __future__ import annotations

import json
import socket
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.engines.trocr import _reading, load, weights_digest
from pipeline.errors import LedgermillError
from pipeline.profiles import Profile, Recognition
from pipeline.recognition.ctc import NUMERIC

with_transformers = pytest.mark.skipif(
    find_spec("transformers") is None, reason="transformers not installed"
)


def profile(weights: object) -> Profile:
    return Profile(name="t", engine="trocr", recognition=Recognition(weights=str(weights), crops=2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny network of random weights and a tokenizer of letters."""
    import torch

    tokenizers: Any = import_module("tokenizers")
    transformers: Any = import_module("transformers")
    torch.manual_seed(4)
    letters = [*"0123456789.abc -"]
    words = {word: i for i, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", *letters])}
    model = tokenizers.models.WordLevel(words, unk_token="<unk>")
    plain = tokenizers.Tokenizer(model)
    plain.decoder = tokenizers.decoders.Fuse()
    tokens = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
    )
    encoder = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        image_size=32, patch_size=8,
    )  # fmt: skip
    decoder = transformers.TrOCRConfig(
        vocab_size=len(words), d_model=16, decoder_layers=1, decoder_attention_heads=2,
        decoder_ffn_dim=16, max_position_embeddings=10, cross_attention_hidden_size=16,
        bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=0,
    )  # fmt: skip
    config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 0, 1, 2
    network: Any = transformers.VisionEncoderDecoderModel(config)
    place = tmp_path_factory.mktemp("trocr")
    network.save_pretrained(place)
    tokens.save_pretrained(place)
    (place / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.4] * 3}))
    return place


@with_transformers
def test_a_folder_reads_without_the_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    engine = load(profile(folder), "cpu", 1)
    assert engine.digest == weights_digest(profile(folder))
    noise = np.random.default_rng(1)
    crops = [noise.integers(0, 255, (20, 30 + 9 * i), np.uint8) for i in range(3)]
    readings = engine.recognize(crops)
    assert len(readings) == 3
    for reading in readings:
        logprobs = [a.logprob for a in reading.alternatives]
        assert logprobs == sorted(logprobs, reverse=True)
        assert len({a.text for a in reading.alternatives}) == len(logprobs)
        assert 0 < reading.confidence <= 1
    alone = engine.recognize(crops[2:])[0]
    assert alone.text == readings[2].text
    assert alone.confidence == pytest.approx(readings[2].confidence, rel=1e-4)
    for reading in engine.recognize(crops, "numeric"):
        for alternative in reading.alternatives:
            assert set(alternative.text) <= NUMERIC
    for reading in engine.recognize(crops, "/[0-9]{0,3}/"):
        assert len(reading.text) <= 3
        assert set(reading.text) <= set("0123456789")
    with pytest.raises(LedgermillError, match="choose one of"):
        engine.recognize(crops, "roman")


@with_transformers
def test_other_weights_have_another_digest(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text("{}")
    assert weights_digest(profile(tmp_path)) != weights_digest(profile(folder))
    with pytest.raises(LedgermillError, match="holds no TrOCR"):
        load(profile(tmp_path), "cpu", 1)


def test_only_safetensors_in_a_folder_will_do(tmp_path: Path) -> None:
    with pytest.raises(LedgermillError, match="names no weights"):
        load(Profile(name="t"), "cpu", 1)
    with pytest.raises(LedgermillError, match="is no folder"):
        load(profile("microsoft/trocr-base-handwritten"), "cpu", 1)
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(LedgermillError, match=r"holds no \.safetensors"):
        load(profile(tmp_path), "cpu", 1)


@pytest.mark.skipif(find_spec("transformers") is not None, reason="transformers is installed")
def test_without_transformers_the_remedy_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(LedgermillError, match=r"pip install ledgermill\[trocr\]$"):
        load(profile(tmp_path), "cpu", 1)


def test_texts_that_come_twice_count_once() -> None:
    reading = _reading(["29", " 29", "28"], [-0.1, -0.5, -0.3])
    assert [(a.text, a.logprob) for a in reading.alternatives] == [("29", -0.1), ("28", -0.3)]
    assert reading.text == "29"
