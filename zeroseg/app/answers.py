"""Answers of the API as typed values, from which its OpenAPI description comes."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any, Literal

import torch
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from zeroseg import plotting, rle
from zeroseg.errors import ImageError
from zeroseg.export.picture import LabelledPicture
from zeroseg.reviewed import State
from zeroseg.segmentation import Segmentation
from zeroseg.values import Confidence
from zeroseg.vocabulary import Vocabulary


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


class FolderEntry(BaseModel):
    """A folder of results."""

    place: int
    name: str
    pictures: int
    reviewed: int = Field(description="of these, accepted or rejected")


class PictureEntry(BaseModel):
    """A picture of a folder of results."""

    number: int = Field(description="by which it is asked for")
    name: str
    score: float | None = Field(description="how sure its result is; null where it was not saved")
    state: State = Field(description="what a person thinks of it")
    changed: bool = Field(description="whether a person has saved steps of a review")
    problem: str | None = Field(description="why it cannot be shown")


class FolderList(BaseModel):
    """The pictures of a folder, the least sure first; those without a score last, by name."""

    place: int
    name: str
    scored: int = Field(description="pictures whose score was saved")
    reviewed: int = Field(description="pictures that were accepted or rejected")
    pictures: list[PictureEntry]


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
    prompts: bool = Field(description="whether it makes masks of boxes and clicks, see a review")
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
            "legend": legend(result.label_map, result.vocabulary),
            **({} if result.confidence is None else {"confidence": _sureness(result.confidence)}),
        }
    )


def json_of(result: Segmentation) -> bytes:
    """The answer for a picture as it is sent."""
    return answer_of(result).model_dump_json(by_alias=True, exclude_unset=True).encode()


def legend(label_map: Tensor, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """All classes that have pixels, the largest first.

    Args:
        label_map: (H, W) int64 class indices; what is none of them is left out.
        vocabulary: The classes.
    """
    total, known = label_map.numel(), label_map[label_map < len(vocabulary)]
    counts = known.bincount(minlength=len(vocabulary)).tolist()
    present = [index for index, count in enumerate(counts) if count]
    return [
        {
            "id": vocabulary.ids[index],
            "name": vocabulary.names[index],
            "color": hexadecimal(vocabulary.colors[index]),
            "background": index == vocabulary.background,
            "share": round(counts[index] / total, 6),
            "area": counts[index],
            "segmentation": rle.encode(label_map == index),
        }
        for index in sorted(present, key=lambda index: -counts[index])
    ]


def answer_of_files(
    picture: LabelledPicture, told: Mapping[str, Any], sure: str | None = None
) -> Answer:
    """The answer that files of a result give; what they do not hold is empty.

    Args:
        picture: The label map.
        told: What the JSON beside it tells, or nothing.
        sure: How sure each pixel is, a grey PNG as base64.

    Raises:
        ImageError: The JSON is damaged.
    """
    vocabulary, (height, width) = picture.vocabulary, picture.size
    entries = legend(torch.from_numpy(picture.labels), vocabulary)
    stated = ("tags", "caption", "prompts", "detections", "seconds", "exchanges", "usage")
    try:
        score = told["confidence"]["score"] if sure is not None else None
        return Answer.model_validate(
            {
                **_NOTHING_TOLD,
                **{name: told[name] for name in stated if name in told},
                "name": picture.name,
                "size": {"height": height, "width": width},
                "vocabulary": vocabulary.name,
                "legend": entries,
                "areas": {own["name"]: own["share"] for own in entries if not own["background"]},
                **({} if score is None else {"confidence": {"score": score, "map": sure}}),
            }
        )
    except (LookupError, TypeError, ValueError) as error:
        raise ImageError(f"its JSON is damaged: {error}") from error


_NOTHING_TOLD: Mapping[str, Any] = {
    **dict.fromkeys(("tags", "prompts", "detections", "exchanges"), ()),
    **{"caption": None, "seconds": {}, "usage": {}},
}


def _sureness(sure: Confidence) -> dict[str, Any]:
    written = base64.b64encode(png_of(plotting.grey(sure.probability))).decode("ascii")
    return {"score": round(sure.score, 4), "map": written}


def png_of(picture: Image.Image, effort: int = 6) -> bytes:
    """A picture as the bytes of a PNG; `effort` is 1 for quickly, 9 for small."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=effort)
    return file.getvalue()
