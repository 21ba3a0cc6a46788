"""The routes of the review: what it is, one step more, and masks that a person asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from numpy.typing import NDArray

from zeroseg import rle
from zeroseg.app.answers import Problem, RunLengths
from zeroseg.app.result_folders import ResultFolder
from zeroseg.app.result_routes import NOT_THERE, Number, Place, folder_of, in_words
from zeroseg.app.review_answers import AskedChange, AskedPrompt, PromptedMask, Review, review_of
from zeroseg.app.routes import SENT, service_of
from zeroseg.app.service import Service
from zeroseg.app.shared_batches import SegmentingError
from zeroseg.correcting import CorrectedResult, StaleReview, Step
from zeroseg.correcting.step import now
from zeroseg.errors import OutputError, ZerosegError

router = APIRouter()

_CHANGED: dict[int | str, dict[str, Any]] = {
    **NOT_THERE,
    **SENT,
    409: {"model": Problem, "description": "Somebody else has changed this review."},
    422: {"model": Problem, "description": "It cannot be changed so, or cannot be read."},
    500: {"model": Problem, "description": "The model failed, or nothing can be written."},
}
_ASKED = {status: said for status, said in _CHANGED.items() if status != 409}


@contextmanager
def _in_words(number: int) -> Iterator[None]:
    """What is wrong with a change as an answer.

    Raises:
        HTTPException: Its status says whose fault it is.
    """
    try:
        with in_words(number):
            yield
    except StaleReview as error:
        raise HTTPException(409, str(error)) from error
    except OutputError as error:  # its message tells where the folder is
        raise HTTPException(500, "the review cannot be written to its folder") from error
    except SegmentingError as error:
        raise HTTPException(500, str(error)) from error
    except ZerosegError as error:
        raise HTTPException(422, str(error)) from error


@router.get(
    "/v1/results/{place}/{number}/review",
    summary="A result as it is now",
    responses={**NOT_THERE, 500: _CHANGED[500]},
)
def review(request: Request, place: Place, number: Number) -> Review:
    """Regions with who made them, and all steps; without any it is the prediction."""
    folder = folder_of(request, place)
    with _in_words(number):
        return review_of(folder.reviews.open(folder.result(number), folder.begun(number)))


@router.post(
    "/v1/results/{place}/{number}/review",
    summary="Take one step of a review",
    responses=_CHANGED,
)
async def change(request: Request, place: Place, number: Number, asked: AskedChange) -> Review:
    """It is saved beside the prediction before this is answered."""
    folder, service = folder_of(request, place), service_of(request)
    with _in_words(number):
        mask, model = (None if asked.mask is None else asked.mask.model_dump()), ""
        if asked.prompt is not None:
            if asked.do != "add" or mask is not None:
                raise ZerosegError("a prompt is for a region that is added, in place of its mask")
            found = await _prompted(service, folder, number, asked.prompt)
            mask, model = rle.encode(found), _name(service)
        step = _step(asked, mask, model)
        return await run_in_threadpool(_changed, folder, number, asked, step)


def _step(asked: AskedChange, mask: Any, model: str) -> Step | None:
    """What is asked for as a step; None for the way back."""
    if asked.do == "undo" or asked.do == "redo":
        return None
    prompt = asked.prompt.prompt().to_dict() if model and asked.prompt is not None else None
    try:
        return Step(asked.do, asked.region, asked.class_, mask, model, prompt, asked.by, now())
    except ValueError as error:
        raise ZerosegError(str(error)) from error


def _changed(folder: ResultFolder, number: int, asked: AskedChange, step: Step | None) -> Review:
    def go(found: CorrectedResult) -> CorrectedResult:
        if step is not None:
            return found.after(step)
        return found.undone() if asked.do == "undo" else found.redone()

    result, begun = folder.result(number), folder.begun(number)
    return review_of(folder.reviews.change(result, begun, asked.revision, go))


@router.post(
    "/v1/results/{place}/{number}/mask",
    summary="The mask that a box or clicks mean",
    responses=_ASKED,
)
async def mask(request: Request, place: Place, number: Number, asked: AskedPrompt) -> PromptedMask:
    """Nothing is saved. What the model knows of the last pictures is kept, so that it is quick."""
    folder, service = folder_of(request, place), service_of(request)
    with _in_words(number):
        found = await _prompted(service, folder, number, asked)
        code = RunLengths.model_validate(rle.encode(found))
        return PromptedMask(segmentation=code, area=int(found.sum()), model=_name(service))


def _name(service: Service) -> str:
    return "" if service.prompting is None else service.prompting.name


async def _prompted(
    service: Service, folder: ResultFolder, number: int, asked: AskedPrompt
) -> NDArray[np.bool_]:
    """What the model makes of a prompt, in the one thread that uses it.

    Raises:
        ZerosegError: This model answers to none, or it is no prompt.
    """
    prompting = service.prompting
    if prompting is None:
        raise ZerosegError("this model has no promptable masks; add the box itself as a mask")
    folder.result(number)
    prompt, key = asked.prompt(), (folder.name, number)
    done = service.batches.call(
        lambda: prompting.mask(key, lambda: folder.fitting_image(number), prompt)
    )
    return await asyncio.wrap_future(done)
