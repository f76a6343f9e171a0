"""A profile's own weights, kept in the object store so that every worker can read with them.

On the machine where a profile is named its weights are a file; in a run's settings they are the
SHA-256 of what it held. Folders of weights, which other programs read, stay where they are: workers
need them at the same place.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.profiles import Profile
from storage.objects import ObjectStore

STORED = "sha256:"
SUFFIX = ".safetensors"


def stored(profile: Profile, store: ObjectStore) -> Profile:
    """Return the profile with its files of weights in the store, named by their content.

    Raises `BadInput` for a file that holds no weights, `Unavailable` without the store.
    """

    def keep(weights: str) -> str:
        path = Path(weights)
        if path.suffix != SUFFIX or not path.is_file():
            return weights
        from pipeline.models.load import read  # slow, and most profiles name no weights

        read(path)  # whatever else it is does not go to workers
        return STORED + store.put(path.read_bytes(), "application/octet-stream")

    return _with_weights(profile, keep)


def placed(profile: Profile, store: ObjectStore, folder: Path) -> Profile:
    """Return the profile with its stored weights as files of `folder`, fetched where not there.

    Raises `BadInput` where the store lacks them, `Unavailable` without the store.
    """

    def fetch(weights: str) -> str:
        if not weights.startswith(STORED):
            return weights
        sha256 = weights.removeprefix(STORED)
        path = folder / f"{sha256}{SUFFIX}"
        if not path.exists():
            data = store.get(sha256)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(data)
            part.replace(path)
        return str(path)

    return _with_weights(profile, fetch)


def _with_weights(profile: Profile, change: Callable[[str], str]) -> Profile:
    changes = {}
    for name in ("detection", "recognition"):
        part = getattr(profile, name)
        if part.weights:
            changes[name] = part.model_copy(update={"weights": change(part.weights)})
    return profile.model_copy(update=changes)
