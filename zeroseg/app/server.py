"""The server as an ASGI application: routes, the page, and what stands before them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.formparsers import MultiPartParser
from starlette.routing import Match

from zeroseg import __version__
from zeroseg.app import compare_routes, job_routes, result_routes, review_routes
from zeroseg.app.admission import Admission
from zeroseg.app.guard import Guard
from zeroseg.app.limits import Limits
from zeroseg.app.pictures import OfferedPictures
from zeroseg.app.result_folders import open_folders
from zeroseg.app.routes import router
from zeroseg.app.service import Service
from zeroseg.base_segmenter import BaseSegmenter

PAGE = Path(str(resources.files(__package__ or "zeroseg.app") / "page"))
"""Files of the page."""


def create_app(
    segmenter: BaseSegmenter,
    model: str = "",
    *,
    limits: Limits | None = None,
    token: str | None = None,
    pictures: str | Path | None = None,
    results: Sequence[str | Path] = (),
    cores: int | None = None,
) -> FastAPI:
    """The application, for any ASGI server; without a token it answers for loopback's names alone.

    Args:
        segmenter: What works on pictures; it must not be used elsewhere meanwhile.
        model: How it is called on the page.
        limits: What requests may cost.
        token: What clients have to send as `Authorization: Bearer TOKEN`.
        pictures: A folder whose pictures are offered.
        results: Folders that `segment`, `test` or `batch` wrote, which are shown.
        cores: That torch uses to segment; None for as many as in this thread. On a CPU a server is
            faster where all other threads have one (`torch.set_num_threads(1)` before the segmenter
            is built).

    Raises:
        ImageError: The folder is not there, or holds no pictures.
        ZerosegError: A folder holds no results.

    Example:
        >>> from zeroseg import ZeroShotSegmenter
        >>> from zeroseg.app import create_app
        >>> app = create_app(ZeroShotSegmenter.from_preset("tiny"), "tiny")
        >>> app.title
        'zeroseg'
    """
    limits = limits or Limits()
    offered = OfferedPictures(pictures)
    folders = open_folders(results, offered)
    service = Service(segmenter, model, limits, offered, token is not None, folders, cores)

    @asynccontextmanager
    async def working(app: FastAPI) -> AsyncIterator[None]:
        service.batches.start()
        yield
        service.jobs.close()
        service.batches.close()

    # Its own documentation pages load scripts from elsewhere.
    app = FastAPI(
        title="zeroseg", version=__version__, lifespan=working, docs_url=None, redoc_url=None
    )
    app.state.service = service
    app.include_router(router)
    for routes in (job_routes, result_routes, compare_routes, review_routes):
        app.include_router(routes.router)
    app.add_exception_handler(RequestValidationError, _in_words)
    app.add_exception_handler(405, _not_allowed)
    app.mount("/page", StaticFiles(directory=PAGE))
    app.add_api_route("/", _index, include_in_schema=False)
    app.add_api_route("/review", _review, include_in_schema=False)
    app.add_api_route("/compare", _compare, include_in_schema=False)
    app.add_middleware(Admission, limits=limits, batches=service.batches, measures=service.measures)
    app.add_middleware(Guard, token=token)
    # What is sent stays in memory: no part of a request is larger than a request may be.
    MultiPartParser.spool_max_size = int(limits.megabytes * 1e6)
    return app


async def _index() -> FileResponse:
    return FileResponse(PAGE / "index.html")


async def _review() -> FileResponse:
    return FileResponse(PAGE / "review.html")


async def _compare() -> FileResponse:
    return FileResponse(PAGE / "compare.html")


async def _in_words(request: Request, error: Exception) -> JSONResponse:
    """Wrong parameters as one message, as all other problems are."""
    assert isinstance(error, RequestValidationError)
    said = [f"{'.'.join(map(str, own['loc'][1:]))}: {own['msg']}" for own in error.errors()]
    return JSONResponse({"detail": "; ".join(said)}, 422)


async def _not_allowed(request: Request, error: Exception) -> JSONResponse:
    """A method that a path does not know; a single route knows only of its own."""
    there = [route for route in request.app.routes if route.matches(request.scope)[0] != Match.NONE]
    known = ", ".join(sorted({method for own in there for method in getattr(own, "methods", ())}))
    return JSONResponse({"detail": f"here one may {known}"}, 405, {"allow": known})
