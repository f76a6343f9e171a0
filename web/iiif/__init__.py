"""IIIF: Image API 3, Presentation API 3 and Content Search API 2, below `/iiif`.

The image of page 7 is `/iiif/image/7/{region}/{size}/{rotation}/{quality}.{format}`, say
`/iiif/image/7/100,200,300,40/^,80/0/default.jpg` for the ink of a place, in page pixels. The
manifest of document 3 is `/iiif/presentation/3/manifest`. Readers may look; where reading is
public, anybody.
"""

from __future__ import annotations

from fastapi import APIRouter

from web.iiif import image, presentation, search
from web.problems import responses

router = APIRouter(prefix="/iiif", responses=responses())
for part in (image, presentation, search):
    router.include_router(part.router)
