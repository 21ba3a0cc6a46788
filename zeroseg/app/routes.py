"""The routes of the API; refusals that come before them are `Guard`'s and `Admission`'s."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, File, Form, Header, HTTPException, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse, Response

from zeroseg.app.answers import Answer, Model, Problem, Status, answer_of, png_of
from zeroseg.app.asked import Asked
from zeroseg.app.measures import CONTENT_TYPE
from zeroseg.app.pictures import TooLarge, read_sent
from zeroseg.app.service import Service
from zeroseg.app.shared_batches import SegmentingError
from zeroseg.errors import ChatError, ImageError, ZerosegError
from zeroseg.images import read_image
from zeroseg.plotting import picture as as_picture
from zeroseg.segmentation import Segmentation

router = APIRouter()

_TEXT = 20_000
"""Characters of a list of classes, or of a name."""

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

_SEGMENT: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    **SENT,
    200: {"model": Answer, "content": PNG, "description": "JSON, or the indexed PNG."},
    422: {"model": Problem, "description": "No picture that can be read, or no such classes."},
    500: {"model": Problem, "description": "The picture failed at a stage."},
    502: {"model": Problem, "description": "The language model cannot be reached."},
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
    classes: Annotated[
        str | None,
        Form(
            max_length=_TEXT,
            description="Names, as in 'dog, boat'; or auto: what is seen.",
            examples=["dog, boat", "auto"],
        ),
    ] = None,
    vocabulary: Annotated[
        str | None,
        Form(
            max_length=_TEXT,
            description="A built-in list, in place of classes.",
            examples=["voc2012"],
        ),
    ] = None,
    instances: Annotated[bool, Form(description="Masks of single things, too.")] = False,
    confidence: Annotated[bool, Form(description="How sure each pixel is, too.")] = False,
    thresholds: Annotated[
        list[str] | None, Form(description="CLASS=SCORE: the least score of a class's boxes.")
    ] = None,
    format: Annotated[
        Literal["json", "png"] | None, Query(description="By default what Accept prefers.")
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """A label for every pixel, and what every stage said; or the label map as an indexed PNG."""
    asked = Asked(
        _given(classes), _given(vocabulary), tuple(thresholds or ()), instances, confidence
    )
    result = await _segmented(service_of(request), await picture.read(), asked)
    result = replace(result, name=picture.filename or "")
    if (format or ("png" if accept.startswith("image/png") else "json")) == "png":
        return Response(await run_in_threadpool(_mask, result), media_type="image/png")
    return Response(await run_in_threadpool(_json, result), media_type="application/json")


def _given(text: str | None) -> str | None:
    """A field of a form that is left empty is not given."""
    return text if text is not None and text.strip() else None


async def _segmented(service: Service, content: bytes, asked: Asked) -> Segmentation:
    """The result for a picture.

    Raises:
        HTTPException: There is none; its status says whose fault it is.
    """
    try:
        image = await run_in_threadpool(read_sent, content, service.limits.megapixels)
        key, work = asked.work(service.segmenter, service.limits.classes)
        return await asyncio.wrap_future(service.batches.submit(image, key, work))
    except TooLarge as error:
        raise HTTPException(413, str(error)) from error
    except SegmentingError as error:
        raise HTTPException(500, str(error)) from error
    except ChatError as error:
        raise HTTPException(502, str(error)) from error
    except ZerosegError as error:
        raise HTTPException(422, str(error)) from error


def _mask(result: Segmentation) -> bytes:
    return png_of(result.mask())


def _json(result: Segmentation) -> bytes:
    written = answer_of(result).model_dump_json(by_alias=True, exclude_unset=True)
    return written.encode()
