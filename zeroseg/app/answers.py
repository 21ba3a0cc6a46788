"""Answers of the API as typed values, from which its OpenAPI description comes."""

from __future__ import annotations

import base64
import io
from typing import Any, Literal

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from zeroseg import plotting, rle
from zeroseg.segmentation import Segmentation
from zeroseg.values import Confidence


class Problem(BaseModel):
    """Why there is no other answer, and what to do."""

    detail: str


class Size(BaseModel):
    """Of a picture, in pixels."""

    height: int
    width: int


class RunLengths(BaseModel):
    """A mask as COCO's compressed run lengths, column by column."""

    size: list[int] = Field(description="height and width")
    counts: str


class LegendEntry(BaseModel):
    """A class that has pixels, the background too."""

    id: int = Field(description="in the indexed PNG")
    name: str
    color: str = Field(description="#rrggbb")
    background: bool
    share: float = Field(description="of the picture")
    area: int = Field(description="pixels")
    segmentation: RunLengths


class SeenTag(BaseModel):
    """What the tagger saw."""

    name: str
    score: float


class Prompt(BaseModel):
    """What the detector was asked for."""

    model_config = ConfigDict(populate_by_name=True)
    prompt: str
    class_: str | None = Field(alias="class")
    distractor: bool = False
    presence: float | None = Field(None, description="how likely it is there at all")


class Detection(BaseModel):
    """What the detector found."""

    model_config = ConfigDict(populate_by_name=True)
    box_xyxy: list[float] = Field(description="x1, y1, x2, y2 in pixels")
    score: float
    phrase: str
    class_: str | None = Field(alias="class", description="null where it is none of the classes")
    distractor: bool = False
    prompt: int | None = Field(None, description="place among the prompts")
    segmentation: RunLengths | None = Field(None, description="with instances")
    area: int | None = Field(None, description="pixels, with instances")


class Sureness(BaseModel):
    """How sure the result is."""

    score: float = Field(description="the mIoU that is to be expected of this picture")
    map: str = Field(description="a grey PNG as base64, 255 where a pixel is sure")


class Answer(BaseModel):
    """A segmented picture, and what every stage said."""

    name: str
    size: Size
    vocabulary: str
    legend: list[LegendEntry] = Field(description="classes that have pixels, the largest first")
    areas: dict[str, float] = Field(description="shares of the classes but the background")
    tags: list[SeenTag]
    caption: str | None
    prompts: list[Prompt]
    detections: list[Detection]
    confidence: Sureness | None = None
    seconds: dict[str, float] = Field(description="of each stage; pictures of a batch share them")
    exchanges: list[dict[str, Any]] = Field(description="with a language model")
    usage: dict[str, Any] = Field(description="tokens and cost of the exchanges")


PictureState = Literal["waiting", "working", "done", "failed", "cancelled"]
"""Of a picture of a job."""


class JobPicture(BaseModel):
    """A picture of a job."""

    name: str
    state: PictureState
    stage: str | None = Field(None, description="that is worked on, or where it failed")
    status: int | None = Field(None, description="that the result is answered by")
    detail: str | None = Field(None, description="why there is no result")
    result: str | None = Field(None, description="where it is")


class JobState(BaseModel):
    """A job, and how far it is."""

    id: str
    state: Literal["waiting", "working", "done"] = Field(
        description="done where every picture has ended, one way or another"
    )
    stages: list[str] = Field(description="that every picture goes through")
    pictures: list[JobPicture]
    events: str = Field(description="where they are")


class Status(BaseModel):
    """Of the server."""

    status: str


class Model(BaseModel):
    """What this server runs, and what may be asked of it."""

    model: str
    version: str
    device: str
    batch_size: int
    vocabulary: str
    classes: list[str] = Field(description="asked for where a request names none")
    colors: list[str]
    vocabularies: list[str] = Field(description="built-in lists")
    auto: bool = Field(description="whether classes can be what is seen")
    instances: bool = Field(description="whether masks of single things can be asked for")
    confidence: bool = Field(description="whether it can be asked how sure a result is")
    token: bool = Field(description="whether a token is demanded")
    limits: dict[str, float]
    pictures: list[str] = Field(description="that the server offers, see /v1/pictures/{place}")


def hexadecimal(color: tuple[int, ...]) -> str:
    """A colour of bytes as #rrggbb."""
    return "#" + bytes(color).hex()


def answer_of(result: Segmentation) -> Answer:
    """The answer for a picture; its masks are made here."""
    told = result.to_dict()
    return Answer.model_validate(
        {
            **told,
            "vocabulary": result.vocabulary.name,
            "legend": _legend(result),
            **({} if result.confidence is None else {"confidence": _sureness(result.confidence)}),
        }
    )


def json_of(result: Segmentation) -> bytes:
    """The answer for a picture as it is sent."""
    return answer_of(result).model_dump_json(by_alias=True, exclude_unset=True).encode()


def _legend(result: Segmentation) -> list[dict[str, Any]]:
    """All classes that have pixels, the largest first."""
    vocabulary, total = result.vocabulary, result.label_map.numel()
    counts = result.label_map.flatten().bincount(minlength=len(vocabulary)).tolist()
    present = [index for index, count in enumerate(counts) if count]
    return [
        {
            "id": vocabulary.ids[index],
            "name": vocabulary.names[index],
            "color": hexadecimal(vocabulary.colors[index]),
            "background": index == vocabulary.background,
            "share": round(counts[index] / total, 6),
            "area": counts[index],
            "segmentation": rle.encode(result.label_map == index),
        }
        for index in sorted(present, key=lambda index: -counts[index])
    ]


def _sureness(sure: Confidence) -> dict[str, Any]:
    written = base64.b64encode(png_of(plotting.grey(sure.probability))).decode("ascii")
    return {"score": round(sure.score, 4), "map": written}


def png_of(picture: Image.Image) -> bytes:
    """A picture as the bytes of a PNG."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
