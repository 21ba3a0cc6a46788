"""OmDet-Turbo (Zhao et al., 2024): prompts as vectors, and their list as the task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import OmDetTurboConfig, OmDetTurboForObjectDetection, OmDetTurboProcessor
from typing_extensions import Self, Unpack

from zeroseg.detection.candidates import answers_by_prompt
from zeroseg.detection.half_sampling import keep_sampling
from zeroseg.detection.prompt_detector import PromptDetector, PromptOptions
from zeroseg.encoders.kept_texts import read_texts
from zeroseg.running.transfer import sent
from zeroseg.values import Queries, Selection
from zeroseg.weights.checkpoints import load_pretrained
from zeroseg.weights.needs import Checkpoint, Need, Package


class _Config(OmDetTurboConfig):
    """The configuration as published, which gives its image encoder by timm's name for it.

    For such a name transformers would ask the hub whether it has a repository of that name.
    """

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **options: Any) -> Any:
        told = dict(config_dict)
        if told.get("use_timm_backbone") and told.get("backbone") and not told["backbone_config"]:
            sizes = told.pop("backbone_kwargs", None) or {}
            encoder = {"model_type": "timm_backbone", "backbone": told.pop("backbone"), **sizes}
            told["backbone_config"] = encoder
        return super().from_dict(told, **options)


class _Network(OmDetTurboForObjectDetection):
    config_class = _Config


class OmDetTurboOptions(PromptOptions, total=False):
    """What `OmDetTurbo` takes beside its network; see there."""

    task: str


class OmDetTurbo(PromptDetector):
    """Open-set detection by OmDet-Turbo from transformers: a score for each prompt.

    Each prompt is read by itself, and all of them once more as the task ("Detect dog, cat."), of
    which the network reads the first 77 tokens, as its authors have it: with a long list of classes
    the last ones are not in the task, but are looked for. Images are squashed to the network's
    square, so those of all sizes share a batch, if they have equally many prompts.

    A candidate stands for every prompt that it answers; answers to one prompt that overlap are
    thinned out, as in transformers' own post-processing.

    The parts of the network are called one by one, since as a whole it keeps texts it has read,
    on the device and in the precision that they were first read in.

    Args:
        model: The network.
        processor: What prepares images and text for it.
        batch_size: Images to a forward pass of the network.
        box_threshold: Answers must score more than this; transformers' default is the same.
        nms_threshold: Of two boxes of one prompt whose IoU is above this, the lower score goes;
            transformers' default is the same.
        task: What the network is told to do; the prompts, joined by commas, stand for "{}".

    Raises:
        ValueError: A threshold is not in [0, 1], or `batch_size` is less than one.
    """

    def __init__(
        self,
        model: OmDetTurboForObjectDetection,
        processor: OmDetTurboProcessor,
        *,
        batch_size: int = 8,
        box_threshold: float = 0.3,
        nms_threshold: float = 0.5,
        task: str = "Detect {}.",
    ) -> None:
        super().__init__(model, processor, batch_size, box_threshold, nms_threshold)
        self.task = task
        keep_sampling(self.model)

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "omlab/omdet-turbo-swin-tiny-hf",
        **options: Unpack[OmDetTurboOptions],
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: Hub name or folder. The published one has an image encoder of timm's:
                `pip install "zeroseg[timm]"`.
            options: Thresholds and others; see the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
            ZerosegError: Its image encoder is timm's, which is not installed.
        """
        name = cls.__name__
        return cls(
            load_pretrained(_Network, checkpoint, name, dtype=torch.float32),
            load_pretrained(OmDetTurboProcessor, checkpoint, name),
            **options,
        )

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Package("timm", "zeroseg[timm]")
        yield Checkpoint(str(arguments["checkpoint"]))

    def _batches(self, selections: Sequence[Selection]) -> list[list[int]]:
        """Images with equally many prompts: padding would take part in the choice of queries."""
        by_count: dict[int, list[int]] = {}
        for i, selection in enumerate(selections):
            by_count.setdefault(len(selection.prompts), []).append(i)
        by_count.pop(0, None)
        return [
            own[start : start + self.batch_size]
            for own in by_count.values()
            for start in range(0, len(own), self.batch_size)
        ]

    def _look(
        self, images: Sequence[Tensor], prompts: Sequence[Sequence[str]]
    ) -> list[tuple[Tensor, Tensor]]:
        pixels = self.processor.image_processor(
            list(images), input_data_format="channels_first", return_tensors="pt"
        )["pixel_values"].to(self._weight)
        maps = self.model.encoder(self.model.vision_backbone(pixels), return_dict=True)
        answers = self.model.decoder(
            maps.extracted_states, self._classes(prompts), *self._tasks(prompts), return_dict=True
        )
        return list(zip(answers.decoder_classes[-1], answers.decoder_coords[-1], strict=True))

    def _classes(self, prompts: Sequence[Sequence[str]]) -> Tensor:
        """Vectors of the prompts of B images, (P, B, C); each prompt is read once."""
        words = list(dict.fromkeys(prompt for own in prompts for prompt in own))
        limit = self.model.config.text_config.max_position_embeddings
        device = self._weight.device
        ids, _ = read_texts(self.processor.tokenizer, words, limit, device)
        vectors = self.model.language_backbone(ids, encode_type="class")
        places = {word: i for i, word in enumerate(words)}
        columns = torch.tensor([[places[prompt] for prompt in own] for own in prompts])
        chosen: Tensor = vectors[sent(columns.T, device)]
        return chosen

    def _tasks(self, prompts: Sequence[Sequence[str]]) -> tuple[Tensor, Tensor]:
        """Tasks of B images as tokens (T, B, C), and which of these are real, (B, T)."""
        tokens = self.processor.tokenizer(
            [self.task.format(", ".join(own)) for own in prompts],
            padding=True,
            truncation=True,
            max_length=self.model.config.text_config.max_position_embeddings,
            return_tensors="pt",
        )
        device = self._weight.device
        ids, real = sent(tokens["input_ids"], device), sent(tokens["attention_mask"], device)
        vectors, mask = self.model.language_backbone(ids, mask=real, encode_type="task")
        return vectors, mask

    def _extent(self, size: tuple[int, int]) -> tuple[int, int]:
        return size

    def _choose(self, queries: Queries) -> tuple[Tensor, Tensor]:
        return answers_by_prompt(queries, self.box_threshold, self.nms_threshold)
