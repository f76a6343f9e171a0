"""A web server of archives that has bad days: manifests, images to measure, and faults."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import unquote

import numpy as np
from PIL import Image, ImageDraw

Fault = Literal["busy", "slow", "truncated", "cut", "small", "reset", "wrong", None]
"""503; an answer after a while; less than was announced; a file without its end, announced so;
half the size; no answer at all; another image's proportions."""

SIZE = (240, 160)
SLOW_SECONDS = 0.3

Answer = bytes | tuple[int, dict[str, str], bytes]


class Site:
    """What is served: `answers` by path, and images of `/iiif/N`; `fault(path, count)` says what
    goes wrong with the request of that number (from 1) for a path."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[Mapping[str, str]], Answer]] = {}
        self.asked: Counter[str] = Counter()
        self.times: list[tuple[float, str]] = []
        self.fault: Callable[[str, int], Fault] = lambda path, count: None
        self.refused_sizes: tuple[str, ...] = ()
        self.limit: int | None = None
        self.url = ""
        self.retry_after: str | None = "0"
        self.lock = threading.Lock()

    def add(self, path: str, answer: object) -> str:
        """Serve an answer, or something as JSON, at a path; return its URL."""
        if isinstance(answer, dict | list):
            answer = json.dumps(answer).encode()
        self.answers[path] = answer  # type: ignore[assignment]
        return self.url + path

    def manifest(self, count: int, path: str = "/manifest.json", api: int = 3) -> str:
        """Serve a manifest of so many canvases, and return its URL."""
        make = _manifest3 if api == 3 else _manifest2
        return self.add(path, make(self.url, count))


@contextmanager
def serving() -> Iterator[Site]:
    """Run a site on the loopback."""
    site = Site()

    class Handler(_Handler):
        served = site

    server = _Quiet(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that was killed while it was served."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Site

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        site = self.served
        with site.lock:
            site.asked[self.path] += 1
            site.times.append((time.monotonic(), self.path))
            fault = site.fault(self.path, site.asked[self.path])
        if fault == "reset":
            self.close_connection = True
            return
        if fault == "busy":
            headers = {} if site.retry_after is None else {"Retry-After": site.retry_after}
            self._send(503, headers, b"come back later")
            return
        if fault == "slow":
            time.sleep(SLOW_SECONDS)
        status, headers, data = self._answer(fault)
        announced = len(data)
        if fault in ("cut", "truncated"):
            data = data[: len(data) // 2]
            announced = len(data) if fault == "cut" else announced
            self.close_connection = fault == "truncated"
        self._send(status, headers, data, announced)

    def _answer(self, fault: Fault) -> tuple[int, dict[str, str], bytes]:
        site = self.served
        found = site.answers.get(self.path)
        if callable(found):
            found = found(self.headers)  # type: ignore[arg-type]
        if isinstance(found, bytes):
            return 200, {}, found
        if found is not None:
            return found
        image = re.fullmatch(r"/iiif/(\d+)/(info\.json|full/([^/]+)/0/default\.jpg)", self.path)
        if not image:
            return 404, {}, b"nothing here"
        number, size = int(image[1]), image[3] and unquote(image[3])
        if size is None:
            return 200, {"Content-Type": "application/json"}, self._info()
        if size in site.refused_sizes:
            return 400, {}, b"not in this size"
        width, height = _size(size, site.limit)
        if fault == "small":
            width, height = width // 2, height // 2
        if fault == "wrong":
            width, height = height, width
        return 200, {"Content-Type": "image/jpeg"}, picture(number, width, height)

    def _info(self) -> bytes:
        info: dict[str, object] = {"width": SIZE[0], "height": SIZE[1], "type": "ImageService3"}
        if self.served.limit:
            info["maxWidth"] = self.served.limit
        return json.dumps(info).encode()

    def _send(
        self, status: int, headers: Mapping[str, str], data: bytes, announced: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if announced is None else announced))
        self.end_headers()
        self.wfile.write(data)


@lru_cache(maxsize=512)
def picture(number: int, width: int = SIZE[0], height: int = SIZE[1]) -> bytes:
    """Return a page as JPEG, another one for every number."""
    noise = np.random.default_rng(number).integers(200, 256, (height // 4, width // 4), np.uint8)
    image = Image.fromarray(noise).resize((width, height))
    pen = ImageDraw.Draw(image)
    for y in range(20, height, 24):
        pen.line((10, y, width - 10, y), fill=40, width=2)
    pen.text((20, 30), f"page {number}", fill=0)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=70)
    return file.getvalue()


def _size(said: str, limit: int | None) -> tuple[int, int]:
    width, height = SIZE
    if said in ("max", "full"):
        most = limit or width
    elif said.startswith("!"):
        most = min(map(int, said[1:].split(",")))
    else:
        most = int(said.partition(",")[0])
    scale = min(1.0, min(most, limit or width) / width)
    return round(width * scale), round(height * scale)


def _manifest3(url: str, count: int) -> dict[str, object]:
    def canvas(number: int) -> dict[str, object]:
        body = {
            "id": f"{url}/iiif/{number}/full/max/0/default.jpg",
            "type": "Image",
            "format": "image/jpeg",
            "width": SIZE[0],
            "height": SIZE[1],
            "service": [{"id": f"{url}/iiif/{number}", "type": "ImageService3"}],
        }
        painting = {"type": "Annotation", "motivation": "painting", "body": body}
        return {
            "id": f"{url}/canvas/{number}",
            "type": "Canvas",
            "label": {"none": [f"f. {number}r"]},
            "items": [{"type": "AnnotationPage", "items": [painting]}],
        }

    return {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": f"{url}/manifest.json",
        "type": "Manifest",
        "label": {"en": ["Weather diary, vol. 3"]},
        "rights": "http://creativecommons.org/licenses/by/4.0/",
        "requiredStatement": {"label": {"en": ["By"]}, "value": {"en": ["The <b>Archive</b>"]}},
        "metadata": [
            {"label": {"en": ["Date"]}, "value": {"en": ["1898"]}},
            {"label": {"en": ["Station"]}, "value": {"none": ["Ben Nevis"]}},
        ],
        "items": [canvas(number) for number in range(1, count + 1)],
    }


def _manifest2(url: str, count: int) -> dict[str, object]:
    def canvas(number: int) -> dict[str, object]:
        service = {
            "@context": "http://iiif.io/api/image/2/context.json",
            "@id": f"{url}/iiif/{number}",
            "profile": "http://iiif.io/api/image/2/level2.json",
        }
        resource = {
            "@id": f"{url}/iiif/{number}/full/full/0/default.jpg",
            "@type": "dctypes:Image",
            "width": SIZE[0],
            "height": SIZE[1],
            "service": service,
        }
        image = {"@type": "oa:Annotation", "resource": resource, "on": f"{url}/canvas/{number}"}
        return {"@id": f"{url}/canvas/{number}", "label": f"p. {number}", "images": [image]}

    return {
        "@context": "http://iiif.io/api/presentation/2/context.json",
        "@id": f"{url}/manifest.json",
        "@type": "sc:Manifest",
        "label": "Wetterbuch",
        "license": "https://creativecommons.org/publicdomain/mark/1.0/",
        "attribution": "Landesarchiv",
        "sequences": [{"canvases": [canvas(number) for number in range(1, count + 1)]}],
    }
