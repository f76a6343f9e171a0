"""Precision against size, speed and accuracy: `python benchmarks/quantization.py [--weights FILE]`.

Reads the held-out cells with one recognizer as torch computes it in fp32, fp16 weights and
bfloat16 arithmetic, with its linear layers in int8, and as an exported ONNX graph in fp32 and int8
on onnxruntime; on one thread, in batches and one by one. What needs `onnx` (`pip install onnx`) is
left out without it. Writes `benchmarks/results/quantization.md`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from heldout import heldout
from numpy.typing import NDArray
from report import RESULTS, SHARED, machine, markdown, percent

from pipeline.evaluation.tables import key
from pipeline.models.load import digest, load_recognizer, model_path
from pipeline.recognition.crops import batch, bucket, fit_crop
from pipeline.recognition.network import STRIDE, Recognizer
from pipeline.training.datasets import Labelled
from pipeline.training.recognizer import greedy

Logits = Callable[[torch.Tensor, torch.Tensor], NDArray[np.float32]]
BATCH = 32
CALIBRATION = 256
TIMED = 512


@dataclass(frozen=True)
class Variant:
    """A way to compute a network's logits, and how many bytes it takes on disk."""

    name: str
    logits: Logits
    size: int


@dataclass(frozen=True)
class Piece:
    """A batch of fitted crops of one width, and which samples they are."""

    members: list[int]
    pixels: torch.Tensor
    widths: torch.Tensor


def main() -> None:
    """Measure every precision of the weights that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", type=Path, default=model_path("numeric"))
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--out", type=Path, default=RESULTS / "quantization.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    sets = heldout(options.data)
    if not sets:
        sys.exit(f"quantization: no cells in {options.data}; name their folder with --data")
    network, _ = load_recognizer(options.weights)
    parts = {name: pieces(network, samples) for name, samples in sets.items()}
    timed = [piece for each in parts.values() for piece in each]
    timed = sorted(timed, key=lambda piece: -len(piece.members))[: TIMED // BATCH]
    ones = [Piece([0], p.pixels[:1], p.widths[:1]) for p in timed for _ in range(5)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for variant in variants(network, options.weights, timed, Path(folder)):
            right = [
                percent(accuracy(network, variant, parts[name], samples))
                for name, samples in sets.items()
            ]
            cells = sum(len(piece.members) for piece in timed) / seconds(variant, timed)
            latency = 1000 * seconds(variant, ones) / len(ones)
            size = f"{variant.size / 1e6:.2f}"
            rows.append([variant.name, size, f"{cells:.0f}", f"{latency:.2f}", *right])
            print(rows[-1], file=sys.stderr)
    count = sum(len(samples) for samples in sets.values())
    text = "\n".join(
        [
            "# Precision of a recognizer: size, speed, accuracy\n",
            f"Weights {options.weights.name} {digest(options.weights)[:8]}, "
            f"{network.config.sequence}, "
            f"{sum(p.numel() for p in network.parameters()):,} parameters; {count} held-out "
            f"handwritten cells, read greedily. One thread, batches of {BATCH}, the network alone, "
            f"processor seconds; "
            f"{machine()}, {features()}; torch {torch.__version__}. "
            "Made by `python benchmarks/quantization.py`.\n",
            markdown(
                ["precision", "MB", "cells/s", "ms for one", *(f"{n} exact" for n in sets)], rows
            ),
        ]
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text, "utf-8")
    print(text)


def pieces(network: Recognizer, samples: Sequence[Labelled]) -> list[Piece]:
    config = network.config
    fitted = [fit_crop(s.gray, config.height, config.least, config.area) for s in samples]
    buckets: dict[int, list[int]] = {}
    for i, crop in enumerate(fitted):
        buckets.setdefault(bucket(crop.shape[1]), []).append(i)
    return [
        Piece(part, *batch([fitted[i] for i in part], wide))
        for wide, members in buckets.items()
        for start in range(0, len(members), BATCH)
        if (part := members[start : start + BATCH])
    ]


def accuracy(
    network: Recognizer, variant: Variant, parts: Sequence[Piece], samples: Sequence[Labelled]
) -> float:
    right = 0
    for piece in parts:
        steps = torch.div(piece.widths + STRIDE - 1, STRIDE, rounding_mode="floor").tolist()
        best = variant.logits(piece.pixels, piece.widths).argmax(2).tolist()
        for i, row, count in zip(piece.members, best, steps, strict=True):
            text = greedy(row[:count], network.config.alphabet)
            how = samples[i].compare
            right += any(key(text, how) == key(truth, how) for truth in samples[i].texts)
    return right / len(samples)


def seconds(variant: Variant, parts: Sequence[Piece]) -> float:
    """Return the least processor time of three that all parts take."""
    times = []
    for _ in range(3):
        start = time.process_time()
        for piece in parts:
            variant.logits(piece.pixels, piece.widths)
        times.append(time.process_time() - start)
    return min(times)


def variants(
    network: Recognizer, weights: Path, parts: Sequence[Piece], folder: Path
) -> Iterator[Variant]:
    full = sum(p.numel() * 4 for p in network.parameters())
    yield Variant("torch fp32", by_torch(network), full)
    halves, _ = load_recognizer(weights)
    size = weights.stat().st_size
    yield Variant("torch fp32, weights kept in fp16 (as shipped)", by_torch(halves), size)
    yield Variant("torch bf16 arithmetic (autocast)", by_torch(halves, autocast=True), size)
    yield Variant("torch int8, linear layers alone", *int8_linear(network))
    if find_spec("onnx") is None:
        print("quantization: onnx is missing (pip install onnx): no ONNX rows", file=sys.stderr)
        return
    graph = folder / "fp32.onnx"
    export(network, graph)
    yield Variant("ONNX fp32", by_onnx(graph), graph.stat().st_size)
    for name, path in int8_graphs(graph, parts, folder):
        yield Variant(name, by_onnx(path), path.stat().st_size)


def by_torch(network: torch.nn.Module, autocast: bool = False) -> Logits:
    layout = torch.channels_last if autocast else torch.contiguous_format
    network = network.to(memory_format=layout)  # type: ignore[call-overload]

    def logits(pixels: torch.Tensor, widths: torch.Tensor) -> NDArray[np.float32]:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            found: NDArray[np.float32] = network(pixels, widths).float().numpy()
        return found

    return logits


def int8_linear(network: Recognizer) -> tuple[Logits, int]:
    smaller: Any = torch.ao.quantization.quantize_dynamic(  # type: ignore[no-untyped-call]
        network, {torch.nn.Linear, torch.nn.LSTM}, torch.qint8
    )
    kept = io.BytesIO()
    torch.save(smaller.state_dict(), kept)
    return by_torch(smaller), len(kept.getvalue())


def export(network: Recognizer, graph: Path) -> None:
    """Write the network as an ONNX graph that takes any number of crops of any width."""
    example = (torch.zeros(2, 1, network.config.height, 80), torch.tensor([80, 80]))
    axes = {"pixels": {0: "n", 3: "w"}, "widths": {0: "n"}, "logits": {0: "n", 1: "t"}}
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(
            network.to(memory_format=torch.contiguous_format),  # type: ignore[call-overload]
            example,
            str(graph),
            input_names=["pixels", "widths"],
            output_names=["logits"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


def by_onnx(graph: Path) -> Logits:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])

    def logits(pixels: torch.Tensor, widths: torch.Tensor) -> NDArray[np.float32]:
        feed = {"pixels": pixels.numpy(), "widths": widths.numpy()}
        found: NDArray[np.float32] = session.run(None, feed)[0]
        return found

    return logits


def int8_graphs(graph: Path, parts: Sequence[Piece], folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield int8 graphs: of weights alone, and of all arithmetic, ranges taken from the crops."""
    from onnxruntime import quantization

    plain = folder / "weights-int8.onnx"
    quantization.quantize_dynamic(
        str(graph),
        str(plain),
        weight_type=quantization.QuantType.QInt8,
        op_types_to_quantize=["MatMul"],
    )
    yield "ONNX int8, matrix products alone", plain
    feeds = iter(
        {"pixels": piece.pixels.numpy(), "widths": piece.widths.numpy()}
        for piece in parts[: CALIBRATION // BATCH]
    )

    class Crops(quantization.CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, Any] | None:
            return next(feeds, None)

    whole = folder / "int8.onnx"
    ready = folder / "ready.onnx"
    quantization.shape_inference.quant_pre_process(str(graph), str(ready), skip_symbolic_shape=True)
    quantization.quantize_static(
        str(ready),
        str(whole),
        Crops(),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
        op_types_to_quantize=["Conv", "MatMul", "Gemm"],
    )
    yield "ONNX int8, convolutions and matrix products", whole


def features() -> str:
    """Name what the processor has for low precision."""
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text().split()) if info.exists() else set()
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    return ", ".join(flag for flag in wanted if flag in flags) or "no flags known"


if __name__ == "__main__":
    main()
