"""The routes of the API; refusals that come before them are `Guard`'s and `Admission`'s."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, File, Header, HTTPException, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse, Response

from zeroseg.app.answers import Answer, Model, Problem, Status, json_of, png_of
from zeroseg.app.asked import Asked
from zeroseg.app.form import asked_in_form
from zeroseg.app.measures import CONTENT_TYPE
from zeroseg.app.service import Service
from zeroseg.errors import ImageError
from zeroseg.images import read_image
from zeroseg.plotting import picture as as_picture
from zeroseg.segmentation import Segmentation

router = APIRouter()

PNG: dict[str, Any] = {"image/png": {"schema": {"type": "string", "format": "binary"}}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The token is missing or wrong."},
    403: {"model": Problem, "description": "Another site asks, or for another host."},
}
SENDS_PICTURE: dict[str, Any] = {
    "requestBody": {
        "content": {"multipart/form-data": {"encoding": {"picture": {"contentType": "image/*"}}}}
    }
}
"""What FastAPI does not say of a form with a file named picture."""
SENT: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "What was sent cannot be read."},
    413: {"model": Problem, "description": "It is too large."},
    429: {
        "model": Problem,
        "description": "All places are taken.",
        "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
    },
    504: {"model": Problem, "description": "It took too long."},
}
"""Answers to requests that send something, see `zeroseg.app.admission.Admission`."""

FAILURES: dict[int | str, dict[str, Any]] = {
    500: {"model": Problem, "description": "The picture failed at a stage."},
    502: {"model": Problem, "description": "The language model cannot be reached."},
}
"""What is answered for pictures that could be read."""

_SEGMENT: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    **SENT,
    **FAILURES,
    200: {"model": Answer, "content": PNG, "description": "JSON, or the indexed PNG."},
    422: {"model": Problem, "description": "No picture that can be read, or no such classes."},
}


def service_of(request: Request) -> Service:
    """What the application was made with."""
    return cast(Service, request.app.state.service)


@router.get("/v1/health", summary="Whether the server is up")
async def health() -> Status:
    """Open to all."""
    return Status(status="ok")


@router.get(
    "/v1/ready", summary="Whether pictures are worked on", responses={503: {"model": Problem}}
)
async def ready(request: Request) -> Status:
    """Open to all."""
    if not service_of(request).batches.working:
        raise HTTPException(503, "pictures are not worked on; the server begins or ends")
    return Status(status="ready")


@router.get("/v1/model", summary="The model, its classes, and limits", responses=REFUSALS)
async def model(request: Request) -> Model:
    """What may be asked of this server."""
    return service_of(request).about()


@router.get(
    "/metrics",
    summary="Measures for Prometheus",
    response_class=PlainTextResponse,
    responses=REFUSALS,
)
async def metrics(request: Request) -> PlainTextResponse:
    """The text format, version 0.0.4."""
    service = service_of(request)
    text = service.measures.text(service.batches.waiting)
    return PlainTextResponse(text, media_type=CONTENT_TYPE)


@router.get(
    "/v1/pictures/{place}",
    summary="A picture that the server offers",
    response_class=Response,
    responses={
        **REFUSALS,
        200: {"content": PNG},
        404: {"model": Problem, "description": "There are not so many."},
        422: {"model": Problem, "description": "It cannot be read any more."},
    },
)
def picture(request: Request, place: int) -> Response:
    """As a PNG, upright; `pictures` of `/v1/model` names them in this order."""
    files = service_of(request).pictures.files
    if not 0 <= place < len(files):
        raise HTTPException(404, f"there are {len(files)} pictures, counted from 0")
    try:
        image = read_image(files[place])
    except ImageError as error:  # its message tells where the folder is
        raise HTTPException(422, f"picture {place} cannot be read any more") from error
    return Response(png_of(as_picture(image)), media_type="image/png")


@router.post(
    "/v1/segment",
    summary="Segment a picture",
    response_class=Response,
    responses=_SEGMENT,
    openapi_extra=SENDS_PICTURE,
)
async def segment(
    request: Request,
    picture: Annotated[UploadFile, File(description="A picture's file, of any usual format.")],
    asked: Annotated[Asked, Depends(asked_in_form)],
    format: Annotated[
        Literal["json", "png"] | None, Query(description="By default what Accept prefers.")
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """A label for every pixel, and what every stage said; or the label map as an indexed PNG."""
    result = await service_of(request).segment(await picture.read(), asked)
    result = replace(result, name=picture.filename or "")
    if (format or ("png" if accept.startswith("image/png") else "json")) == "png":
        return Response(await run_in_threadpool(_mask, result), media_type="image/png")
    return Response(await run_in_threadpool(json_of, result), media_type="application/json")


def _mask(result: Segmentation) -> bytes:
    return png_of(result.mask())
