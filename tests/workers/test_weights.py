"""Weights of a profile's own reach workers through the object store, as what they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.engines import weights_digest
from pipeline.errors import BadInput
from pipeline.models.load import model_path
from pipeline.profiles import Profile, Recognition
from storage.objects import open_store
from workers.weights import STORED, placed, stored


def test_weights_are_fetched_by_what_they_hold(object_store: str, tmp_path: Path) -> None:
    own = tmp_path / "mine" / "numeric.safetensors"
    own.parent.mkdir()
    shutil.copy(model_path("numeric"), own)
    store = open_store(object_store)
    mine = Profile(name="mine", engine="native", recognition=Recognition(weights=str(own)))
    kept = stored(mine, store)
    assert kept.recognition.weights is not None
    assert kept.recognition.weights.startswith(STORED)
    assert stored(kept, store) == kept
    expected = weights_digest(mine)
    own.unlink()
    fetched = placed(kept, store, tmp_path / "weights")
    assert fetched.recognition.weights is not None
    assert Path(fetched.recognition.weights).parent == tmp_path / "weights"
    assert weights_digest(fetched) == expected
    assert placed(kept, store, tmp_path / "weights") == fetched


def test_a_profile_without_weights_stays_as_it_is(object_store: str, tmp_path: Path) -> None:
    plain = Profile(name="plain")
    assert stored(plain, open_store(object_store)) == plain
    assert placed(plain, open_store(object_store), tmp_path) == plain
    languages = Profile(name="t", engine="tesseract", recognition=Recognition(weights="fra+eng"))
    assert stored(languages, open_store(object_store)) == languages


def test_what_holds_no_weights_is_refused(object_store: str, tmp_path: Path) -> None:
    file = tmp_path / "fake.safetensors"
    file.write_bytes(b"no weights")
    with pytest.raises(BadInput, match="holds no weights"):
        stored(
            Profile(name="fake", recognition=Recognition(weights=str(file))),
            open_store(object_store),
        )
    lost = Profile(name="lost", recognition=Recognition(weights=STORED + "0" * 64))
    with pytest.raises(BadInput):
        placed(lost, open_store(object_store), tmp_path)
