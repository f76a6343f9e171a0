"""The application: what is asked where, and what stands around all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from pipeline.version import CODE_VERSION
from storage.database import connect
from storage.objects import open_store
from web import api, iiif, lanes, pages, problems
from web.api import description
from web.iiif.pictures import Pictures
from web.recognizing import Recognizer
from web.security import signing_in
from web.security.headers import BodyLimit, SecurityHeaders
from web.security.rates import Rates
from web.site import Site
from web.templating import STATIC, Static
from workers import services
from workers.settings import Settings

MOST_BYTES = 1024**2
"""Of a request's body, where nothing is uploaded."""

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "::1")


def create_app(settings: Settings, hosts: tuple[str, ...] = ()) -> FastAPI:
    """Return the web application; embedded services are started where they do not run.

    `hosts` are names that it may be asked by besides those of this machine and of
    `settings.public_url`: one that it does not know may be another site's, led here to read along.
    """
    endpoints = services.ensure()
    database = connect(endpoints.database_url)
    store = open_store(endpoints.object_store)
    recognizer = Recognizer(settings.device, settings.threads)
    pictures = Pictures(store, settings.max_pixels)
    rates = Rates(endpoints.broker_url)
    site = Site(settings, endpoints, database, store, recognizer, pictures, rates=rates)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        lanes.keep_few()
        yield
        site.close()

    app = FastAPI(
        title="Ledgermill",
        version=CODE_VERSION,
        summary="Scanned archive pages as rows: search, look, correct, export.",
        openapi_url="/api/v1/openapi.json",
        # Their pages load scripts from elsewhere, which the content security policy forbids.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.site = site
    problems.install(app)
    description.install(app)
    app.include_router(api.router)
    app.include_router(api.outside)
    app.include_router(iiif.router)
    app.include_router(signing_in.router)
    app.include_router(pages.router)
    app.mount("/static", Static(directory=STATIC), name="static")
    # The last one added is the first one asked.
    app.add_middleware(BodyLimit, most=MOST_BYTES, longer=api.longer_bodies(settings))
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=_hosts(settings, hosts))
    app.add_middleware(SecurityHeaders, https=site.https)
    return app


def _hosts(settings: Settings, hosts: tuple[str, ...]) -> list[str]:
    public = urlsplit(settings.public_url or "").hostname
    return [*_LOCAL_HOSTS, *hosts, *([public] if public else [])]
