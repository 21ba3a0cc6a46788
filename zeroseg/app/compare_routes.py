"""The routes that compare two folders of results."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request

from zeroseg.app.compare_answers import (
    ComparedPicture,
    DifferentPicture,
    Overview,
    compared_picture,
    different,
)
from zeroseg.app.result_routes import NOT_THERE, folder_of
from zeroseg.comparing.folders import ComparedFolders, Corrected
from zeroseg.errors import ZerosegError

router = APIRouter()

_MOST = 200
"""Pictures that one request compares, so that it ends soon."""

First = Annotated[int, Path(description="Of folder A, see /v1/results.", examples=[0])]
Second = Annotated[int, Path(description="Of folder B.", examples=[1])]
Whose = Annotated[
    Corrected, Query(description="Whose label maps are as people corrected them by now.")
]


def _compared(request: Request, a: int, b: int, corrected: Corrected = "none") -> ComparedFolders:
    """Two folders.

    Raises:
        HTTPException: There are not so many, or they have no picture in common.
    """
    first, second = folder_of(request, a), folder_of(request, b)
    try:
        return ComparedFolders(first.results, second.results, corrected)
    except ZerosegError as error:
        raise HTTPException(422, str(error)) from error


@router.get("/v1/compare/{a}/{b}", summary="Pictures that two folders share", responses=NOT_THERE)
def overview(request: Request, a: First, b: Second) -> Overview:
    """Pictures are matched by their names; no pixel is looked at."""
    compared = _compared(request, a, b)
    return Overview(
        a=folder_of(request, a).name,
        b=folder_of(request, b).name,
        pictures=len(compared),
        only_a=list(compared.only_a),
        only_b=list(compared.only_b),
    )


@router.get("/v1/compare/{a}/{b}/differences", summary="How pictures differ", responses=NOT_THERE)
def differences(
    request: Request,
    a: First,
    b: Second,
    begin: Annotated[int, Query(ge=0, description="Number of the first picture.")] = 0,
    count: Annotated[int, Query(ge=1, le=_MOST, description="How many are compared.")] = 50,
    corrected: Whose = "none",
) -> list[DifferentPicture]:
    """Of some pictures in the order of their numbers; ask again for the next ones."""
    compared = _compared(request, a, b, corrected)
    names = compared.names[begin : begin + count]
    return [different(begin + place, compared.compare(name)) for place, name in enumerate(names)]


@router.get(
    "/v1/compare/{a}/{b}/{number}", summary="Both label maps of a picture", responses=NOT_THERE
)
def picture(
    request: Request,
    a: First,
    b: Second,
    number: Annotated[int, Path(description="Of the picture among those of both.", examples=[0])],
    corrected: Whose = "none",
) -> ComparedPicture:
    """Classes of one name are one; pixels without a label are a class of their own."""
    compared = _compared(request, a, b, corrected)
    if not 0 <= number < len(compared):
        raise HTTPException(404, f"there are {len(compared)} pictures, counted from 0")
    name = compared.names[number]
    try:
        first, second = compared.pair(name)
        return compared_picture(number, first, second, compared.places(name))
    except ZerosegError as error:
        raise HTTPException(422, f"picture {number} cannot be compared: {error}") from error
