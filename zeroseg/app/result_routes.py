"""The routes of folders of results, which are named by number alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import Response
from PIL import Image

from zeroseg.app.answers import (
    Answer,
    FolderEntry,
    FolderList,
    PictureEntry,
    Problem,
    answer_of_files,
    png_of,
)
from zeroseg.app.result_folders import ResultFolder
from zeroseg.app.routes import PNG, REFUSALS, service_of
from zeroseg.errors import ImageError
from zeroseg.plotting import picture as as_picture

router = APIRouter()

Place = Annotated[int, Path(description="Of the folder, see /v1/results.")]
Number = Annotated[int, Path(description="Of the picture in its folder.")]

NOT_THERE: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    404: {"model": Problem, "description": "There are not so many."},
    422: {"model": Problem, "description": "Its files cannot be read."},
}


def folder_of(request: Request, place: int) -> ResultFolder:
    """The folder of a place.

    Raises:
        HTTPException: There are not so many.
    """
    folders = service_of(request).results
    if not 0 <= place < len(folders):
        raise HTTPException(404, f"there are {len(folders)} folders of results, counted from 0")
    return folders[place]


@contextmanager
def in_words(number: int) -> Iterator[None]:
    """What is wrong with a picture as an answer, which never tells where its folder lies.

    Raises:
        HTTPException: There are not so many, or its files cannot be read.
    """
    try:
        yield
    except LookupError as error:
        raise HTTPException(404, str(error.args[0])) from error
    except ImageError as error:
        said = "its files cannot be read" if isinstance(error.__cause__, OSError) else error
        raise HTTPException(422, f"picture {number} cannot be shown: {said}") from error


@router.get("/v1/results", summary="Folders of results", responses=REFUSALS)
def folders(request: Request) -> list[FolderEntry]:
    """Those that the server was started with, by their place."""
    return [
        FolderEntry(place=place, name=own.name, pictures=len(own), reviewed=own.reviewed())
        for place, own in enumerate(service_of(request).results)
    ]


@router.get("/v1/results/{place}", summary="Pictures of a folder", responses=NOT_THERE)
def pictures(request: Request, place: Place) -> FolderList:
    """The least sure first; those without a score last, by name."""
    folder = folder_of(request, place)
    entries = [
        PictureEntry(
            number=own.number,
            name=own.name,
            score=own.score,
            state=own.state,
            changed=own.changed,
            problem=own.problem or None,
        )
        for own in folder.ranked()
    ]
    return FolderList(
        place=place,
        name=folder.name,
        scored=sum(own.score is not None for own in entries),
        reviewed=sum(own.state != "open" for own in entries),
        pictures=entries,
    )


@router.get(
    "/v1/results/{place}/{number}",
    summary="The prediction of a picture",
    response_model_exclude_unset=True,
    responses=NOT_THERE,
)
def prediction(request: Request, place: Place, number: Number) -> Answer:
    """As /v1/segment answers; what the files do not hold is empty."""
    folder = folder_of(request, place)
    with in_words(number):
        told, sure = folder.told(number), folder.sureness(number)
        return answer_of_files(folder.begun(number).prediction, told, sure)


@router.get(
    "/v1/results/{place}/{number}/picture",
    summary="The picture of a result",
    response_class=Response,
    responses={**NOT_THERE, 200: {"content": PNG}},
)
def picture(
    request: Request,
    place: Place,
    number: Number,
    side: Annotated[
        int | None, Query(ge=1, le=4096, description="Pixels of the longer side at most.")
    ] = None,
) -> Response:
    """As a PNG, upright."""
    folder = folder_of(request, place)
    with in_words(number):
        shown = as_picture(folder.image(number))
    if side is not None:
        shown.thumbnail((side, side), Image.Resampling.BILINEAR)
    return Response(png_of(shown, 1), media_type="image/png")
