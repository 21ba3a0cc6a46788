"""The values that flow from stage to stage, in the order they arise.

Images are uint8 tensors (3, H, W), RGB. Coordinates are pixels of the image as given, x to the
right and y down, with the origin at the top left corner of the top left pixel. Sizes are
`(height, width)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import Self

UNRESOLVED = -1
"""Class index of something that has a phrase but no class (yet)."""

DISTRACTOR = -2
"""Class index of what answers to a distractor: it claims its pixels for none of the classes."""


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _check_floats(**tensors: object) -> None:
    """Refuse arrays of other libraries, lists, and whole or complex numbers."""
    for name, value in tensors.items():
        kind = type(value).__name__
        _check(isinstance(value, Tensor), f"{name} are not a tensor but a {kind}")
        assert isinstance(value, Tensor)
        _check(value.is_floating_point(), f"{name} are {value.dtype}, not float")


def _check_whole(**tensors: object) -> None:
    """Refuse what is no tensor of int64."""
    for name, value in tensors.items():
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        _check(kind == torch.int64, f"{name} are {kind}, not a tensor of int64")


def _check_kind(name: str, value: object, kind: type, optional: bool = False) -> None:
    right = isinstance(value, kind) or (optional and value is None)
    _check(right, f"{name} is a {type(value).__name__}, not a {kind.__name__}")


def _check_exchanges(exchanges: object) -> None:
    told = isinstance(exchanges, tuple) and all(isinstance(own, Exchange) for own in exchanges)
    _check(told, "exchanges are not a tuple of Exchange")


@dataclass(frozen=True, eq=False)
class Movable:
    """A value that holds tensors, or others that do.

    Two are equal where all that they hold is, tensors by shape, type and content. What a class
    leaves out of comparisons (`field(compare=False)`) does not count. Contents of tensors are no
    part of the hash, so that it stays as it is when they are written to.
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = [own.name for own in fields(self) if own.compare]
        return all(_same(getattr(self, name), getattr(other, name)) for name in names)

    def __hash__(self) -> int:
        held = (getattr(self, own.name) for own in fields(self) if own.compare)
        shown = (own.shape if isinstance(own, Tensor) else own for own in held)
        return hash((type(self), *shown))

    def to(self, device: torch.device | str) -> Self:
        """The same on another device; Lightning asks every batch and every prediction."""
        held = ((own.name, getattr(self, own.name)) for own in fields(self))
        return replace(self, **{name: v.to(device) for name, v in held if hasattr(v, "to")})


def _same(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        alike = one.dtype == other.dtype and one.device == other.device
        return alike and torch.equal(one, other)
    return bool(one == other)


@dataclass(frozen=True)
class Usage:
    """What answers of a language model cost.

    Attributes:
        calls: Requests answered.
        prompt_tokens: Tokens sent.
        completion_tokens: Tokens received.
        cost: US dollars, None where the model's price is not known.
        seconds: Waiting time of the requests, added up over concurrent ones.
        cached: Answers that took no request: the same was asked before, or by another thread at
            the same time. A phrase of post-refinement that is known already is no question.
        refused: Questions that got no answer, for what they held; see `Exchange.refused`.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    seconds: float = 0.0
    cached: int = 0
    refused: int = 0

    @property
    def cached_share(self) -> float:
        """Answers that took no request, of all; 0 where nothing was asked."""
        return self.cached / max(self.calls + self.cached, 1)

    def __add__(self, other: Usage) -> Usage:
        sums: dict[str, Any] = {}
        for own in fields(self):
            pair = getattr(self, own.name), getattr(other, own.name)
            sums[own.name] = None if None in pair else sum(pair)
        return Usage(**sums)


@dataclass(frozen=True)
class Exchange:
    """One question to a language model and its answer, as text.

    Attributes:
        purpose: What asked: "pre-refinement", "verification", "post-refinement", "review", "class
            words", or "explanation" of an example.
        prompt: Everything that was asked, system and user messages joined.
        reply: The answer, as it came.
        dropped: Parts of the answer that name no class of the vocabulary; all of an answer out of
            which nothing could be read, "(no answer)" for an empty one.
        usage: What the answer cost.
        refused: Why there is no answer to this question, while others are answered: its content
            was held back, or it is too long. What it was asked for went unrefined.
    """

    purpose: str
    prompt: str
    reply: str
    dropped: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    refused: str | None = None


@dataclass(frozen=True)
class Tag:
    """A word for something in the picture.

    Attributes:
        name: The tag, as its tagger spells it.
        score: Confidence in [0, 1].
    """

    name: str
    score: float

    def __post_init__(self) -> None:
        _check(bool(self.name.strip()), "a tag needs a name")
        _check(0 <= self.score <= 1, f"score of tag {self.name!r} is {self.score}, not in [0, 1]")


@dataclass(frozen=True)
class Description:
    """One image as text (paper, section 3.2).

    Attributes:
        tags: Scored tags in their tagger's order, each name once.
        caption: One sentence, None without a captioner.
    """

    tags: tuple[Tag, ...] = ()
    caption: str | None = None

    def __post_init__(self) -> None:
        names = [tag.name for tag in self.tags]
        _check(len(set(names)) == len(names), f"tags name something twice: {names}")


@dataclass(frozen=True)
class Selection:
    """What to look for in one image (paper, section 3.3.1).

    Attributes:
        prompts: Words for the detector, each once, in a fixed order.
        labels: For each prompt the index of its class in the Vocabulary, -1 for a raw tag that no
            class has been found for yet, -2 for a distractor. Several prompts may stand for one
            class.
        exchanges: What a language model was asked on the way.
        presence: For each prompt how likely it is in the image, in [0, 1]; None where nothing
            judged that.
    """

    prompts: tuple[str, ...] = ()
    labels: tuple[int, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    presence: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        same = len(self.prompts) == len(self.labels)
        _check(same, f"{len(self.prompts)} prompts but {len(self.labels)} labels")
        _check_exchanges(self.exchanges)
        texts = isinstance(self.prompts, tuple) and all(isinstance(p, str) for p in self.prompts)
        _check(texts, f"prompts are not a tuple of texts: {self.prompts!r:.60}")
        _check(len(set(self.prompts)) == len(self.prompts), f"prompts repeat: {self.prompts}")
        _check(all(prompt.strip() for prompt in self.prompts), "a prompt is empty")
        _check(all(label >= DISTRACTOR for label in self.labels), f"bad labels {self.labels}")
        if self.presence is not None:
            fits = len(self.presence) == len(self.prompts)
            _check(fits, f"{len(self.prompts)} prompts but presence of {len(self.presence)}")
            _check(all(0 <= p <= 1 for p in self.presence), f"bad presence {self.presence}")

    def keep(self, positions: Sequence[int]) -> Selection:
        """The prompts at some positions, in this order."""
        presence = self.presence
        return replace(
            self,
            prompts=tuple(self.prompts[i] for i in positions),
            labels=tuple(self.labels[i] for i in positions),
            presence=None if presence is None else tuple(presence[i] for i in positions),
        )


@dataclass(frozen=True, eq=False)
class Points(Movable):
    """Point prompts of N boxes, K to a box.

    Attributes:
        xy: (N, K, 2) float32, pixels of the image as given.
        labels: (N, K) int64: 1 on the object, 0 off it, -10 for a place that holds no point.
    """

    xy: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        _check_floats(xy=self.xy)
        _check_whole(labels=self.labels)
        fits = (
            self.xy.ndim == 3 and self.xy.shape[2] == 2 and self.xy.shape[:2] == self.labels.shape
        )
        shapes = f"xy {tuple(self.xy.shape)}, labels {tuple(self.labels.shape)}"
        _check(fits, f"points are not (N, K, 2) with labels (N, K): {shapes}")

    def __len__(self) -> int:
        return len(self.xy)


@dataclass(frozen=True)
class Geometry:
    """How an image lies in a mask predictor's input: resized, in the top left corner of a frame.

    Attributes:
        size: (height, width) of the image as given.
        resized: (height, width) of the image within the frame.
        frame: (height, width) of the predictor's input; what the image leaves free is padding.
        at_once: Whether maps go to the image's size in one step, not over that of the frame.
        whole: (height, width) of the picture that the image is a part of; None if it is all of it.
        corner: x and y of the image's top left corner in that picture, in pixels.
    """

    size: tuple[int, int]
    resized: tuple[int, int]
    frame: tuple[int, int]
    at_once: bool = False
    whole: tuple[int, int] | None = None
    corner: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        inside = self.resized[0] <= self.frame[0] and self.resized[1] <= self.frame[1]
        _check(inside, f"the resized image {self.resized} is larger than its frame {self.frame}")

    @classmethod
    def itself(cls, size: tuple[int, int]) -> Geometry:
        """That of an image which is looked at as it is."""
        return cls(size, size, size)

    @classmethod
    def padded(cls, size: tuple[int, int], side: int) -> Geometry:
        """A square frame that the image's longer side fills, as SAM's."""
        scale = side / max(size)
        resized = (int(size[0] * scale + 0.5), int(size[1] * scale + 0.5))
        return cls(size, resized, (side, side))

    @classmethod
    def squashed(cls, size: tuple[int, int], side: int) -> Geometry:
        """A square frame that the image fills, its aspect given up, as SAM 2's and SAM 3's."""
        return cls(size, (side, side), (side, side), at_once=True)

    def to_frame(self, xy: Tensor) -> Tensor:
        """Coordinates (..., 2) of the image as given, in pixels of the frame."""
        return self._scaled(xy, self.size, self.resized)

    def to_image(self, xy: Tensor) -> Tensor:
        """Coordinates (..., 2) in pixels of the frame, in those of the image as given."""
        return self._scaled(xy, self.resized, self.size)

    @staticmethod
    def _scaled(xy: Tensor, before: tuple[int, int], after: tuple[int, int]) -> Tensor:
        x, y = xy.unbind(-1)
        return torch.stack([x * (after[1] / before[1]), y * (after[0] / before[0])], -1)

    @property
    def full(self) -> tuple[int, int]:
        """(height, width) of what maps are restored to: the image, or the picture it is part of."""
        return self.size if self.whole is None else self.whole

    def within(self, whole: tuple[int, int], corner: tuple[int, int]) -> Geometry:
        """That of an image which is a part of a picture: see `whole` and `corner`."""
        return replace(self, whole=whole, corner=corner)

    def restore(self, maps: Tensor, outside: float = 0.0) -> Tensor:
        """Maps over the frame (n, h, w) at the image's size, (n, H, W) float32.

        Bilinear to the frame, cropped to the image, bilinear to its size, as SAM does it; in one
        step where the image fills the frame and nothing is cropped, as SAM 2 and SAM 3 do it.

        Args:
            maps: What is restored.
            outside: What a picture holds around the image that is a part of it.
        """
        return self.widened(self._restored(maps), outside)

    def widened(self, restored: Tensor, outside: float = 0.0) -> Tensor:
        """Maps (n, h, w) of the image as maps of the picture that it is a part of, (n, H, W)."""
        if self.whole is None:
            return restored
        (x, y), (height, width) = self.corner, self.size
        right, below = self.whole[1] - x - width, self.whole[0] - y - height
        return F.pad(restored, (x, right, y, below), value=outside)

    def _restored(self, logits: Tensor) -> Tensor:
        if not len(logits):
            return logits.new_zeros(0, *self.size, dtype=torch.float32)
        maps = logits[:, None].float()
        if self.at_once:
            return F.interpolate(maps, self.size, mode="bilinear", align_corners=False)[:, 0]
        framed = F.interpolate(maps, self.frame, mode="bilinear", align_corners=False)
        cropped = framed[..., : self.resized[0], : self.resized[1]]
        return F.interpolate(cropped, self.size, mode="bilinear", align_corners=False)[:, 0]


OUTSIDE = -100.0
"""The logit of a pixel that a mask cannot reach."""


@dataclass(frozen=True, eq=False)
class Masks(Movable):
    """Mask logits of N regions of one image at the predictor's resolution.

    Full-size masks are made late, a few at a time.

    Attributes:
        logits: (N, h, w) float, positive inside the region, over the predictor's whole frame.
        geometry: How the image lies in that frame.
        points: The point prompts of the second pass, None if there was none.
    """

    logits: Tensor
    geometry: Geometry
    points: Points | None = None

    def __post_init__(self) -> None:
        _check_floats(logits=self.logits)
        _check_kind("geometry", self.geometry, Geometry)
        _check_kind("points", self.points, Points, optional=True)
        _check(self.logits.ndim == 3, f"logits are not (N, h, w): {tuple(self.logits.shape)}")
        if self.points is not None:
            same = len(self.points) == len(self.logits)
            _check(same, f"{len(self.logits)} masks but points of {len(self.points)}")

    def __len__(self) -> int:
        return len(self.logits)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the image as given."""
        return self.geometry.full

    def full(self, part: slice | Tensor = slice(None)) -> Tensor:
        """Logits at the image's size for some of the regions.

        Args:
            part: Which regions; all by default.

        Returns:
            (n, H, W) float32; the mask is where they are > 0.
        """
        return self.geometry.restore(self.logits[part], outside=OUTSIDE)

    def select(self, index: Tensor) -> Masks:
        """The regions at `index`, (M,) int64, on the same device."""
        points = self.points
        kept = None if points is None else Points(points.xy[index], points.labels[index])
        return replace(self, logits=self.logits[index], points=kept)


@dataclass(frozen=True, eq=False)
class DenseScores(Movable):
    """How likely each of P prompts is at every place of one image, at low resolution.

    Attributes:
        maps: (P, h, w) float in [0, 1], over the whole frame of `geometry`.
        labels: P class indices, -1 for a prompt that no class has been found for.
        geometry: How the image lies in the frame.
        presence: (P,) float in [0, 1], how likely each prompt is in the image at all; None where
            that was not judged.
    """

    maps: Tensor
    labels: tuple[int, ...]
    geometry: Geometry
    presence: Tensor | None = None

    def __post_init__(self) -> None:
        _check_floats(maps=self.maps)
        _check_kind("geometry", self.geometry, Geometry)
        fits = self.maps.ndim == 3 and len(self.maps) == len(self.labels)
        shapes = f"{tuple(self.maps.shape)} for {len(self.labels)} labels"
        _check(fits, f"maps are not (P, h, w): {shapes}")
        if self.presence is not None:
            _check_floats(presence=self.presence)
            same = tuple(self.presence.shape) == (len(self.maps),)
            _check(same, f"{len(self.maps)} maps, but presence {tuple(self.presence.shape)}")

    def __len__(self) -> int:
        return len(self.maps)

    def full(self, part: slice | Tensor = slice(None)) -> Tensor:
        """Maps at the image's size for some of the prompts, (p, H, W) float32."""
        return self.geometry.restore(self.maps[part])


@dataclass(frozen=True, eq=False)
class Queries(Movable):
    """Everything a detector considered, before thresholds: Q candidates for P prompts.

    Attributes:
        boxes: (Q, 4) float32, x1 y1 x2 y2 in pixels of the image, not clipped to it.
        scores: (Q, P) float32 in [0, 1], how well each candidate answers each prompt.
    """

    boxes: Tensor
    scores: Tensor

    def __post_init__(self) -> None:
        _check_floats(boxes=self.boxes, scores=self.scores)
        shapes = f"boxes {tuple(self.boxes.shape)}, scores {tuple(self.scores.shape)}"
        _check(self.boxes.ndim == 2 and self.boxes.shape[1] == 4, f"boxes are not (Q, 4): {shapes}")
        fits = self.scores.ndim == 2 and len(self.scores) == len(self.boxes)
        _check(fits, f"scores are not (Q, P) for the same Q: {shapes}")


@dataclass(frozen=True, eq=False)
class Detections(Movable):
    """Where one detector found its prompts in one image: N regions, best first.

    Attributes:
        boxes: (N, 4) float32, x1 y1 x2 y2 in pixels of the image as given, within it.
        scores: (N,) float32 in [0, 1], falling. Comparable within one detector only. From one that
            gives presence (`dense`), they are weighed by that of their prompts.
        labels: (N,) int64, class index in the Vocabulary, -1 while unresolved, -2 where a
            distractor answered.
        phrases: N strings, the words each region answers to.
        prompt_index: (N,) int64, index of the prompt each region answers best: the column of
            `queries.scores` and the position in `Selection.prompts`.
        queries: All candidates of the detector, for point sampling; None if it keeps none.
        masks: The masks of the regions, from a detector that knows pixels.
        dense: Dense scores of all prompts, from a detector that knows them.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    phrases: tuple[str, ...]
    prompt_index: Tensor
    queries: Queries | None = None
    masks: Masks | None = None
    dense: DenseScores | None = None

    def __post_init__(self) -> None:
        _check_floats(boxes=self.boxes, scores=self.scores)
        _check_whole(labels=self.labels, prompt_index=self.prompt_index)
        texts = isinstance(self.phrases, tuple) and all(isinstance(p, str) for p in self.phrases)
        _check(texts, f"phrases are not a tuple of texts: {self.phrases!r:.60}")
        for name, kind in (("queries", Queries), ("masks", Masks), ("dense", DenseScores)):
            _check_kind(name, getattr(self, name), kind, optional=True)
        n = len(self.phrases)
        shapes = (
            f"boxes {tuple(self.boxes.shape)}, scores {tuple(self.scores.shape)}, "
            f"labels {tuple(self.labels.shape)}, prompt_index {tuple(self.prompt_index.shape)}, "
            f"{n} phrases"
        )
        _check(tuple(self.boxes.shape) == (n, 4), f"boxes are not (N, 4): {shapes}")
        vectors = (self.scores, self.labels, self.prompt_index)
        _check(all(tuple(v.shape) == (n,) for v in vectors), f"not all of length N: {shapes}")
        falling = bool((self.scores[:-1] >= self.scores[1:]).all())
        _check(falling, "detections are not sorted by falling score")
        if self.masks is not None:
            _check(len(self.masks) == n, f"{n} detections but {len(self.masks)} masks")

    def __len__(self) -> int:
        return len(self.phrases)

    @classmethod
    def empty(
        cls, device: torch.device | str = "cpu", queries: Queries | None = None
    ) -> Detections:
        """No region at all."""
        index = torch.zeros(0, dtype=torch.int64, device=device)
        boxes = torch.zeros(0, 4, device=device)
        return cls(boxes, boxes.new_zeros(0), index, (), index, queries)

    def relabel(self, labels: Tensor) -> Detections:
        """The same regions under other classes, (N,) int64."""
        return replace(self, labels=labels)

    def select(self, keep: Tensor) -> Detections:
        """The regions at `keep`: (N,) bool or (M,) int64 rising, on the same device."""
        index = keep.nonzero()[:, 0] if keep.dtype == torch.bool else keep
        return replace(
            self,
            boxes=self.boxes[index],
            scores=self.scores[index],
            labels=self.labels[index],
            prompt_index=self.prompt_index[index],
            phrases=tuple(self.phrases[i] for i in index.tolist()),
            masks=self.masks.select(index) if self.masks is not None else None,
        )


@dataclass(frozen=True, eq=False)
class Confidence(Movable):
    """How sure the classes of one image's pixels are.

    Attributes:
        probability: (H, W) float32 in [0, 1], how likely the pixel's class is the right one.
        margin: (H, W) float32 in [0, 1], by how much more speaks for it than for the best other
            class; None where that is not known, as of a result that was read from files.
        score: One number in [0, 1] for the whole image; those with the lowest are looked at first.
    """

    probability: Tensor
    margin: Tensor | None
    score: float

    def __post_init__(self) -> None:
        _check_floats(probability=self.probability)
        _check(self.probability.ndim == 2, f"no map (H, W): {tuple(self.probability.shape)}")
        if self.margin is not None:
            _check_floats(margin=self.margin)
            shapes = f"{tuple(self.probability.shape)} but margin {tuple(self.margin.shape)}"
            _check(self.margin.shape == self.probability.shape, f"probability {shapes}")
        _check(0 <= self.score <= 1, f"score is {self.score}, expected a number in [0, 1]")


@dataclass(frozen=True)
class Resolution:
    """Which classes phrases stand for (paper, section 3.3.2).

    Attributes:
        labels: For each phrase that was asked, in that order, a class index or -1 for none.
        exchanges: What a language model was asked on the way.
    """

    labels: tuple[int, ...]
    exchanges: tuple[Exchange, ...] = ()

    def __post_init__(self) -> None:
        _check_exchanges(self.exchanges)


@dataclass(frozen=True)
class Trace:
    """What happened to one image on its way.

    Attributes:
        seconds: Time of each stage for this image, in the order of the flow: its share of the
            batch it was in.
        exchanges: Every question to a language model for this image, and the answer.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    exchanges: tuple[Exchange, ...] = ()

    @property
    def usage(self) -> Usage:
        """Tokens and cost of all exchanges."""
        return sum((exchange.usage for exchange in self.exchanges), Usage())


@dataclass(frozen=True)
class Failure(Movable):
    """An image that could not be segmented; the others went on.

    Attributes:
        name: The image's file name or position.
        stage: Where it failed, e.g. "reading" or "detection".
        message: What was wrong.
    """

    name: str
    stage: str
    message: str


def check_images(images: Sequence[Tensor]) -> None:
    """Refuse anything but uint8 tensors (3, H, W).

    Raises:
        ValueError: With the position, shape and dtype of the first one that is wrong.
    """
    for position, image in enumerate(images):
        fits = image.ndim == 3 and image.shape[0] == 3 and image.dtype == torch.uint8
        _check(
            fits and image.numel() > 0,
            f"image {position} is {tuple(image.shape)} {image.dtype}, expected (3, H, W) uint8",
        )
