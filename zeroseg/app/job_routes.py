"""The routes of jobs: pictures are taken, and what becomes of them is told as it happens."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Header, HTTPException, Request, UploadFile
from fastapi.responses import Response, StreamingResponse

from zeroseg.app.answers import Answer, JobState, Problem
from zeroseg.app.asked import Asked
from zeroseg.app.form import asked_in_form
from zeroseg.app.job import Job, Picture
from zeroseg.app.routes import FAILURES, REFUSALS, SENT, service_of
from zeroseg.errors import ZerosegError

router = APIRouter()

_UNKNOWN: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    404: {"model": Problem, "description": "There is no such job, or it was forgotten."},
}
_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "Each event of the stream.",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "description": "For Last-Event-ID."},
        "event": {"enum": ["stage", "picture", "done"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}


def _job(request: Request, job: str) -> Job:
    """The job that a path names."""
    found = service_of(request).jobs.find(job)
    if found is None:
        raise HTTPException(404, "there is no such job; those that have ended are soon forgotten")
    return found


_Named = Annotated[Job, Depends(_job)]


@router.post(
    "/v1/jobs",
    status_code=202,
    summary="Begin to segment pictures",
    responses={
        **REFUSALS,
        **SENT,
        422: {"model": Problem, "description": "No pictures, too many, or no such classes."},
    },
)
async def begin(
    request: Request,
    response: Response,
    picture: Annotated[list[UploadFile], File(description="Pictures' files; may be repeated.")],
    asked: Annotated[Asked, Depends(asked_in_form)],
) -> JobState:
    """One or several pictures, the form of `/v1/segment`; the answer comes before the work."""
    service = service_of(request)
    limits = service.limits
    if len(picture) > limits.job_pictures:
        raise HTTPException(422, f"a job may have {limits.job_pictures} pictures; begin several")
    try:
        asked.work(service.segmenter, limits.classes)
        stages = asked.plan(service.segmenter)
    except ZerosegError as error:
        raise HTTPException(422, str(error)) from error
    sent = [Picture(own.filename or "", await own.read()) for own in picture]
    if sum(len(own.content) for own in sent) > limits.job_megabytes * 1e6:
        raise HTTPException(413, f"jobs may have {limits.job_megabytes:g} megabytes; send fewer")
    job = service.jobs.begin(sent, asked, stages)
    if job is None:
        after = {"retry-after": str(service.batches.patience())}
        raise HTTPException(429, f"no more jobs; ask again in {after['retry-after']} s", after)
    response.headers["location"] = f"/v1/jobs/{job.id}"
    return job.told()


@router.get("/v1/jobs/{job}", summary="How far a job is", responses=_UNKNOWN)
async def state(job: _Named) -> JobState:
    """Every picture, and where its result is."""
    return job.told()


@router.delete(
    "/v1/jobs/{job}", summary="Give up a job, or forget it", responses={**_UNKNOWN, **SENT}
)
async def give_up(request: Request, job: _Named) -> JobState:
    """What has not begun is given up; a job that has ended is forgotten, results and all."""
    service_of(request).jobs.cancel(job)
    return job.told()


@router.get(
    "/v1/jobs/{job}/events",
    summary="What becomes of a job, as it happens",
    response_class=StreamingResponse,
    responses={
        **_UNKNOWN,
        200: {
            "content": {"text/event-stream": {"schema": _EVENT}},
            "description": "Server-sent events; the last one is `done`.",
        },
        422: {"model": Problem, "description": "Last-Event-ID is no number."},
    },
)
async def events(
    job: _Named, last_event_id: Annotated[int, Header(ge=-1, le=10**9)] = -1
) -> StreamingResponse:
    """`stage` where a picture begins or ends a stage, `picture` where it ends, then `done`."""
    unbuffered = {"x-accel-buffering": "no"}  # for proxies that would wait for more
    stream = job.follow(last_event_id + 1)
    return StreamingResponse(stream, media_type="text/event-stream", headers=unbuffered)


@router.get(
    "/v1/jobs/{job}/results/{place}",
    summary="The result of a picture of a job",
    response_model=Answer,
    responses={
        **_UNKNOWN,
        **FAILURES,
        409: {"model": Problem, "description": "It is not there yet, or was given up."},
        413: {"model": Problem, "description": "The picture is too large."},
        422: {"model": Problem, "description": "The picture cannot be read."},
    },
)
async def result(job: _Named, place: int) -> Response:
    """What `/v1/segment` answers to this picture, a failure too."""
    if not 0 <= place < len(job.pictures):
        raise HTTPException(404, f"the job has {len(job.pictures)} pictures, counted from 0")
    picture = job.pictures[place]
    if not picture.ended:
        raise HTTPException(409, f"picture {place} is not done yet")
    if picture.state != "done":
        raise HTTPException(picture.status or 500, picture.detail)
    return Response(picture.answer, media_type="application/json")
