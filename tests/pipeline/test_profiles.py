"""Profiles come from their names or from files, and say plainly what is wrong with them."""

import json
from pathlib import Path

import pytest

from pipeline.errors import BadInput
from pipeline.profiles import Profile, load_profile, profile_names


def test_every_built_in_profile_loads() -> None:
    names = profile_names()
    assert "default" in names
    for name in names:
        assert load_profile(name).name == name


def test_a_file_overrides_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[recognition]\ncharset = 'numeric'\n")
    profile = load_profile(str(path))
    assert profile.name == "mine"
    assert profile.recognition.charset == "numeric"
    assert profile.tables == load_profile("default").tables


def test_weights_beside_a_file_are_named_in_full(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "hand.safetensors").touch()
    path = tmp_path / "mine.toml"
    path.write_text("[recognition]\nweights = 'models/hand.safetensors'\n")
    found = load_profile(str(path)).recognition.weights
    assert found == str((tmp_path / "models" / "hand.safetensors").resolve())
    path.write_text("[recognition]\nweights = 'fra+eng'\n[detection]\nweights = '/no/such'\n")
    profile = load_profile(str(path))
    assert (profile.recognition.weights, profile.detection.weights) == ("fra+eng", "/no/such")


def test_a_form_that_a_file_names_becomes_part_of_the_profile(tmp_path: Path) -> None:
    (tmp_path / "rain.toml").write_text('[[columns]]\nname = "Day"\n')
    path = tmp_path / "mine.toml"
    path.write_text("[tables]\nform = 'rain.toml'\n")
    profile = load_profile(str(path))
    assert profile.tables.form is not None
    assert profile.tables.form.columns[0].name == "Day"
    # What a worker is told is enough to read by: it may not see the files.
    (tmp_path / "rain.toml").unlink()
    assert Profile(**json.loads(json.dumps(profile.model_dump(mode="json")))) == profile
    with pytest.raises(BadInput, match=r"rain\.toml: cannot be read"):
        load_profile(str(path))


@pytest.mark.parametrize(
    "text", ["engine = 3", "no_such = 1", "[recognition]\ncrops = 0", "= broken", "name = '../x'"]
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        load_profile(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["nothing", "../default", "missing.toml"])
def test_what_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        load_profile(name)
