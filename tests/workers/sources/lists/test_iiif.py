"""Manifests as institutions write them."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BadInput
from workers.sources.entry import Entry
from workers.sources.lists import read_list
from workers.sources.lists.iiif import read_iiif

BASE = "https://iiif.example.org/a/manifest.json"


def read(manifest: object, base: str = BASE) -> list[Entry]:
    return list(read_iiif(json.dumps(manifest).encode(), "m", base))


def canvas3(*bodies: object, **more: object) -> dict[str, object]:
    annotations = [{"type": "Annotation", "motivation": "painting", "body": b} for b in bodies]
    return {"type": "Canvas", "items": [{"type": "AnnotationPage", "items": annotations}], **more}


def manifest3(*canvases: object, **more: object) -> dict[str, object]:
    return {"type": "Manifest", "id": BASE, "label": {"de": ["Buch"]}, "items": canvases, **more}


def image(name: str, **more: object) -> dict[str, object]:
    return {"id": f"https://iiif.example.org/{name}.jpg", "type": "Image", **more}


def test_a_choice_is_its_first_and_several_images_are_several_pages() -> None:
    choice = {"type": "Choice", "items": [image("natural"), image("ultraviolet")]}
    found = read(manifest3(canvas3(choice), canvas3(image("left"), image("right"))))
    assert [(each.name, each.address.rpartition("/")[2]) for each in found] == [
        ("Buch-0001", "natural.jpg"),
        ("Buch-0002", "left.jpg"),
        ("Buch-0002-2", "right.jpg"),
    ]
    assert [each.service for each in found] == [None] * 3


def test_what_is_not_painted_is_no_page() -> None:
    note = {"type": "Annotation", "motivation": "commenting", "body": image("note")}
    canvas = canvas3(image("page"))
    canvas["items"][0]["items"].append(note)  # type: ignore[index]
    assert len(read(manifest3(canvas))) == 1


def test_a_canvas_without_an_image_is_listed_all_the_same() -> None:
    assert [each.address for each in read(manifest3(canvas3()))] == [""]


@pytest.mark.parametrize(
    ("service", "api"),
    [
        ([{"id": "https://h/i/", "type": "ImageService3", "profile": "level1"}], 3),
        ({"@id": "https://h/i", "profile": "http://iiif.io/api/image/2/level2.json"}, 2),
        (
            {
                "@id": "https://h/i",
                "@context": "http://library.stanford.edu/iiif/image-api/1.1/context.json",
                "profile": "http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level1",
            },
            1,
        ),
        ([{"@id": "https://h/i", "@type": "ImageService2", "profile": ["level2", {}]}], 2),
    ],
)
def test_services_of_every_version(service: object, api: int) -> None:
    (found,) = read(manifest3(canvas3(image("x", service=service, width=10, height=20))))
    assert (found.service, found.api, found.size) == ("https://h/i", api, (10, 20))


def test_a_service_that_makes_no_sizes_is_none() -> None:
    service = {"id": "https://h/i", "type": "ImageService3", "profile": "level0"}
    (found,) = read(manifest3(canvas3(image("x", service=[service]))))
    assert found.service is None


def test_collections_of_both_versions_and_in_pages() -> None:
    two = {
        "@type": "sc:Collection",
        "manifests": [{"@id": "/b.json", "@type": "sc:Manifest"}],
        "members": [{"@id": "https://h/c.json", "@type": "sc:Collection"}],
        "next": "https://h/more.json",
    }
    assert sorted(each.address for each in read(two)) == [
        "https://h/c.json",
        "https://h/more.json",
        "https://iiif.example.org/b.json",
    ]
    assert {each.kind for each in read(two)} == {"list"}


@pytest.mark.parametrize(
    "data", [b"{", b"[" * 100_000, b'{"error": "no"}', b"[]", b'{"type": "Manifest"}', b"{}\xff"]
)
def test_what_is_no_manifest_says_so(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"^m: "):
        list(read_list(data, "m", BASE, ""))


_KEYS = (
    *("type", "@type", "id", "@id", "items", "sequences", "canvases", "images", "resource", "body"),
    *("label", "service", "width", "metadata", "value", "navDate", "members", "rights", "profile"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner | st.sampled_from(["Manifest", "sc:Manifest", "Collection", "Choice", "Image"]),
            max_size=6,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=40, deadline=None)
@given(_JSON)
def test_whatever_it_says_it_is_read_or_refused(whole: Any) -> None:
    for kind in ({}, {"type": "Manifest"}, {"@type": "sc:Collection"}):
        with contextlib.suppress(BadInput):
            read({**whole, **kind} if isinstance(whole, dict) else whole)
