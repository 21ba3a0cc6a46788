"""What workers build their components from."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from zeroseg.errors import PresetError
from zeroseg.presets import build as build_segmenter
from zeroseg.presets import component
from zeroseg.refinement.keeping import keep_answers
from zeroseg.running.precision import FULL, cast, checked
from zeroseg.vocabulary import Vocabulary

if TYPE_CHECKING:
    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.call_options import CallOptions

_SYSTEM = "zeroseg.segmenter.ZeroShotSegmenter"


@dataclass(frozen=True)
class Recipe:
    """What workers build their components from; it can be sent anywhere.

    Args:
        config: Arguments of a segmenter, as presets hold them: values and class paths.
        vocabulary: The classes.
        batch_size: Pictures that go through a stage together.
        answers: A folder where a language model's answers are kept and looked up, if any; with
            several machines, one that all of them reach.
        precision: Of the networks, one of `zeroseg.running.precision.PRECISIONS`.
        details: What is kept beside label maps, of `zeroseg.result_details.DETAILS`.
    """

    config: Mapping[str, Any]
    vocabulary: Vocabulary
    batch_size: int
    answers: str | None = None
    precision: str = FULL
    details: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        config: Mapping[str, Any],
        vocabulary: Vocabulary | None = None,
        batch_size: int | None = None,
        answers: str | None = None,
        precision: str = FULL,
        details: tuple[str, ...] = (),
    ) -> Recipe:
        """A recipe by a preset's or file's content, which `vocabulary` and `batch_size` replace.

        Raises:
            ZerosegError: An argument is unknown, the vocabulary is missing, or there is no such
                precision.
        """
        from zeroseg.segmenter import ZeroShotSegmenter

        if vocabulary is None and config.get("vocabulary") is None:
            raise PresetError("the segmenter's 'vocabulary' is missing")
        known = inspect.signature(ZeroShotSegmenter).parameters
        size = batch_size or config.get("batch_size") or known["batch_size"].default
        classes = vocabulary or Vocabulary.parse(config["vocabulary"])
        recipe = cls(config, classes, size, answers, checked(precision), details)
        unknown = [name for name in config if name not in (*known, "class_path")]
        if recipe.staged and unknown:
            raise PresetError(f"this does not describe a segmenter: no argument {unknown[0]!r}")
        return recipe

    @property
    def staged(self) -> bool:
        """Whether the system's stages can be dealt out to pools of workers.

        How pictures are cut goes by the detector, which all stages would have to hold.
        """
        whole = self.config.get("tiling") is not None
        return self.config.get("class_path") in (None, _SYSTEM) and not whole

    def segmenter(self, device: str | torch.device) -> BaseSegmenter:
        """The whole system, in one.

        Raises:
            ZerosegError: It cannot be built, or cannot give the details that are asked for.
        """
        from zeroseg.base_segmenter import BaseSegmenter

        changes: dict[str, Any] = {"vocabulary": self.vocabulary, "batch_size": self.batch_size}
        kind: Any = BaseSegmenter
        built = build_segmenter(kind, self.config, changes, examined=True).to(device)
        keep_answers(built.children(), self.answers)
        segmenter: BaseSegmenter = cast(built, self.precision)
        asked: CallOptions = {"instances": "instances" in self.details}
        asked["confidence"] = "confidence" in self.details
        return segmenter.variant(**asked)

    def part(self, kind: type[nn.Module], name: str, device: str | torch.device) -> Any:
        """One component, where it is to run.

        Raises:
            PresetError: The configuration has none of that name, or it cannot be built.
        """
        built = component(kind, self.config.get(name), examined=True)
        keep_answers([built], self.answers)
        return cast(built.to(device), self.precision).eval()
