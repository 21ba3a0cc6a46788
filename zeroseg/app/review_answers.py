"""What is asked of a review, and what it answers, as typed values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from zeroseg.app.answers import LegendEntry, RunLengths, Size, hexadecimal, legend
from zeroseg.correcting import CorrectedResult, Step
from zeroseg.masking.prompt import Prompt
from zeroseg.reviewed import State

Coordinate = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class AskedPoint(BaseModel):
    """A place on the object, or beside it."""

    x: Coordinate = Field(description="pixels")
    y: Coordinate = Field(description="pixels")
    on: StrictBool = Field(True, description="whether it is on the object")


class AskedPrompt(BaseModel):
    """A box around an object, places on it and beside it, or both."""

    box: Annotated[list[Coordinate], Field(min_length=4, max_length=4)] | None = Field(
        None, description="x1, y1, x2, y2 in pixels", examples=[[4, 4, 30, 20]]
    )
    points: list[AskedPoint] = Field([], max_length=100)

    def prompt(self) -> Prompt:
        """What a mask predictor is shown.

        Raises:
            ImageError: It is no prompt.
        """
        x1, y1, x2, y2 = self.box or (0, 0, 0, 0)
        box = None if self.box is None else (x1, y1, x2, y2)
        return Prompt(box, tuple((own.x, own.y, own.on) for own in self.points))


class AskedMask(BaseModel):
    """A mask as COCO's run lengths, compressed or as a list of numbers."""

    size: list[StrictInt] = Field(min_length=2, max_length=2, description="height and width")
    counts: StrictStr | list[StrictInt]


class AskedChange(BaseModel):
    """One step of a review, or the way back."""

    model_config = ConfigDict(populate_by_name=True)
    revision: StrictInt = Field(
        description="of the review as it was read; another one is answered 409", examples=[0]
    )
    do: Literal["relabel", "delete", "add", "accept", "reject", "reopen", "undo", "redo"] = Field(
        examples=["accept"]
    )
    region: StrictInt | None = Field(None, description="that is relabelled or deleted")
    class_: str | None = Field(None, alias="class", max_length=500, description="it gets")
    mask: AskedMask | None = Field(None, description="of a region that is added")
    prompt: AskedPrompt | None = Field(None, description="for the model, in place of a mask")
    by: str = Field("", max_length=100, description="who does it")


class PromptedMask(BaseModel):
    """What the model makes of a prompt."""

    segmentation: RunLengths
    area: int
    model: str = Field(description="the component that made it")


class ReviewClass(BaseModel):
    """A class that regions can have."""

    name: str
    color: str


class ReviewRegion(BaseModel):
    """A region of the result as it is now; those that come later lie on top."""

    model_config = ConfigDict(populate_by_name=True)
    number: int
    class_: str = Field(alias="class")
    score: float | None = None
    made_by: str = Field(description="model, with a component's name, or person, with a name")
    named_by: str | None = Field(None, description="whose the class is, if not the maker's")
    box_xyxy: list[int]
    area: int
    segmentation: RunLengths


class ReviewStep(BaseModel):
    """What was done."""

    model_config = ConfigDict(populate_by_name=True)
    what: str
    region: int | None = None
    class_: str | None = Field(None, alias="class")
    model: str = ""
    by: str = ""
    when: str = ""
    done: bool = Field(description="false where it was undone")


class Review(BaseModel):
    """A result as it is now, and how it came to that."""

    name: str
    size: Size
    revision: int
    state: State
    undo: bool = Field(description="whether there is something to undo")
    redo: bool = Field(description="whether there is something to do again")
    classes: list[ReviewClass] = Field(description="by which regions can be named")
    legend: list[LegendEntry]
    regions: list[ReviewRegion]
    steps: list[ReviewStep]


def review_of(found: CorrectedResult) -> Review:
    """The answer for a review."""
    vocabulary, (height, width) = found.prediction.vocabulary, found.prediction.size
    return Review(
        name=found.prediction.name,
        size=Size(height=height, width=width),
        revision=found.revision,
        state=found.now.state,
        undo=found.done > 0,
        redo=found.done < len(found.steps),
        classes=[
            ReviewClass(name=vocabulary.names[own], color=hexadecimal(vocabulary.colors[own]))
            for own in vocabulary.classes
        ],
        legend=[
            LegendEntry.model_validate(own)
            for own in legend(torch.from_numpy(found.now.labels), vocabulary)
        ],
        regions=[
            ReviewRegion.model_validate(found.told(*own)) for own in found.now.regions.items()
        ],
        steps=[_step(step, place < found.done) for place, step in enumerate(found.steps)],
    )


def _step(step: Step, done: bool) -> ReviewStep:
    told: dict[str, Any] = {
        key: value for key, value in step.to_dict().items() if key not in ("mask", "prompt")
    }
    return ReviewStep.model_validate({**told, "done": done})
