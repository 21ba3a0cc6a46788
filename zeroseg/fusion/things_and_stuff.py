"""Instances and dense maps, weighed by presence: the likeliest class takes the pixel."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import Self, TypedDict, Unpack

from zeroseg.fusion.class_scores import ClassScores
from zeroseg.fusion.fusion import Evidence, Fusion
from zeroseg.running.transfer import sent
from zeroseg.values import DISTRACTOR, DenseScores, Detections, Masks
from zeroseg.vocabulary import Vocabulary

Presence = Literal["twice", "once", "never"]
Background = Literal["auto", "threshold", "margin", "distractors", "never"]
Stuff = Literal["beside things", "under things"]

SUPPRESSED = 0.1
"""Where the presence of every word is less, it is taken to be wrong about an exhaustive list:
ActiveSAM's bound for words that are not looked for at all."""
STEEPNESS = 1.25
"""ActiveSAM's exponent of the threshold where the margin decides."""
_TIMES: dict[Presence, int] = {"twice": 2, "once": 1, "never": 0}
_OFTEN = 16
"""Classes after which it is looked whether those that are left can still win anywhere."""
_NOISE = 1 + 1e-5
"""By which rounding may carry an enlarged map over its highest number."""


class FusionOptions(TypedDict, total=False):
    """What `ThingsAndStuff` takes; see there."""

    evidence: Evidence
    presence: Presence
    background: Background
    threshold: float
    stuff: Stuff
    verifier: bool
    chunk: int


@dataclass(frozen=True)
class _Claim:
    """What speaks for a class.

    Attributes:
        label: The class.
        instances: Positions of its instances, and their weights.
        words: Positions of its dense maps, and their weights.
        over: Whether nothing rivals it where its instances stand.
        bound: No pixel's score is higher.
    """

    label: int
    instances: tuple[Tensor, Tensor]
    words: tuple[Tensor, Tensor]
    over: bool
    bound: float


class ThingsAndStuff(Fusion):
    """Gives every pixel the class that the best of its instances and dense maps speaks for most.

    A word q with presence p scores a pixel p * max(0, I, S), where I is the highest of mask
    probability times score of its instances, and S its dense map; masks and maps are brought to
    the image's size first. A class scores as the best of its words, and the class that scores
    highest takes the pixel (SegEarth-OV3 by its code, ActiveSAM before its decoder). Distractors
    are one more class, which stands for the background. What has no class claims nothing.

    Without dense scores instances decide alone, and without presence it is 1.

    Args:
        evidence: What is read: "both", "instances" or "dense".
        presence: How often it weighs an instance. "twice", the default: once in its score, as a
            detector that knows presence gives it, and once with its word, as SegEarth-OV3 and
            ActiveSAM do. "once": as ConceptBank does. "never": it is taken out of scores and left
            out of words. A dense map is weighed by it once, or never.
        background: Which pixels are left to the background. "auto", the default: none where the
            vocabulary is exhaustive, else as by "threshold". "threshold": those where no class
            scores as much. "margin": those where s1 * sqrt(s1 - s2) is less than
            threshold ** 1.25, s1 and s2 being the two highest scores (ActiveSAM). "distractors":
            those that a distractor takes. "never", for lists of classes that are known to be
            exhaustive: none; and where the presence of every word is below 0.1 it is bypassed,
            which would else suppress all there is.
        threshold: For "threshold" and "margin". Of SegEarth-OV3 and ActiveSAM: 0.4 on VOC and
            COCO-Object, 0.1 on PASCAL Context.
        stuff: "beside things", the default: all classes compete. "under things": stuff is read
            from dense maps alone, and no stuff takes a pixel that an instance of a thing covers.
        verifier: Whether presence is what the detector or scorer says of it times what a verifier
            says, where there is one. By default a verifier only decides what is looked for.
        chunk: Masks or maps brought to full size at a time; memory is about
            (4 * chunk + 24) * H * W bytes.

    Raises:
        ValueError: A variant is unknown, the threshold is not in [0, 1], or `chunk` is less
            than 1.
    """

    def __init__(
        self,
        evidence: Evidence = "both",
        presence: Presence = "twice",
        background: Background = "auto",
        threshold: float = 0.4,
        stuff: Stuff = "beside things",
        verifier: bool = False,
        chunk: int = 8,
    ) -> None:
        super().__init__()
        variants = {
            "evidence": (evidence, Evidence),
            "presence": (presence, Presence),
            "background": (background, Background),
            "stuff": (stuff, Stuff),
        }
        for name, (chosen, known) in variants.items():
            if chosen not in get_args(known):
                raise ValueError(f"{name} is {chosen!r}, expected one of {list(get_args(known))}")
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold}, expected a number in [0, 1]")
        if chunk < 1:
            raise ValueError(f"chunk is {chunk}, at least one map must be read at a time")
        self.evidence = evidence
        self.presence = presence
        self.background = background
        self.threshold = threshold
        self.stuff = stuff
        self.verifier = verifier
        self.chunk = chunk

    @property
    def hears_presence(self) -> bool:
        """See `Fusion.hears_presence`."""
        return self.presence != "never"

    @property
    def hears_verifier(self) -> bool:
        """See `Fusion.hears_verifier`."""
        return self.verifier and self.hears_presence

    def variant(self, **changes: Unpack[FusionOptions]) -> Self:
        """The same fusion with some options otherwise."""
        other = copy.copy(self)
        vars(other).update(changes)
        return other

    def background_rule(self, vocabulary: Vocabulary) -> Background:
        """Which rule `background` is for a vocabulary: itself, or what "auto" stands for."""
        if self.background != "auto":
            return self.background
        return "never" if vocabulary.exhaustive else "threshold"

    def forward(
        self,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
    ) -> Tensor:
        """Decide every pixel, see `Fusion.forward`.

        Raises:
            ValueError: Dense maps are all that is to be read, and there are none.
        """
        if self.background == "auto":
            plain = self.variant(background=self.background_rule(vocabulary))
            return plain.forward(masks, detections, vocabulary, dense)
        claims, device = self._claims(detections, vocabulary, dense), masks.logits.device
        best = torch.zeros(masks.size, device=device)
        second = torch.zeros(masks.size, device=device)
        labels = torch.full(masks.size, vocabulary.background, dtype=torch.int64, device=device)
        least = self.threshold if self.background == "threshold" else 0.0
        rival = second if self.background == "margin" else best
        for count, claim in enumerate(claims):
            settled = count % _OFTEN == _OFTEN - 1 and claim.bound * _NOISE < float(rival.min())
            if claim.bound * _NOISE < least or settled:
                break  # they come by falling bounds
            scores = self._scores(claim, masks, dense)
            labels.masked_fill_(scores > best, claim.label)
            torch.maximum(second, torch.minimum(best, scores), out=second)
            torch.maximum(best, scores, out=best)
        return labels.masked_fill(self.undecided(best, second), vocabulary.background)

    def class_scores(
        self,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
        least: float = SUPPRESSED,
    ) -> ClassScores:
        """What the highest is taken of: scores of all classes that could be there.

        Args:
            masks: See `forward`; so for all others.
            detections: Of the image.
            vocabulary: The classes.
            dense: Of the image.
            least: Classes that score no pixel as much are left out. The default is ActiveSAM's
                bound for presence, which no score of a word exceeds.

        Raises:
            ValueError: See `forward`.
        """
        plain = self.variant(background=self.background_rule(vocabulary))
        claims = [own for own in plain._claims(detections, vocabulary, dense) if own.bound >= least]
        device, weighed = masks.logits.device, plain._instance_weights(detections, dense)[1]
        maps = [plain._scores(claim, masks, dense) for claim in claims]
        labels = tuple(claim.label for claim in claims)
        judge = _judge(detections, dense) if weighed else None
        return ClassScores(
            labels,
            torch.stack(maps) if maps else torch.zeros(0, *masks.size, device=device),
            sent(_presence(judge, labels, vocabulary), device),
        )

    def decided(self, scores: ClassScores, vocabulary: Vocabulary) -> Tensor:
        """What `forward` says of scores of classes that are known already, (H, W) int64.

        Args:
            scores: See `class_scores`; classes that were left out there take no place here.
            vocabulary: The classes.
        """
        plain = self.variant(background=self.background_rule(vocabulary))
        rivals = F.pad(scores.maps, (0, 0, 0, 0, 0, 2))  # two that score nothing
        (best, second), ranked = rivals.topk(2, 0)
        labels = torch.tensor([*scores.labels, *[vocabulary.background] * 2], device=best.device)
        return labels[ranked[0]].masked_fill(plain.undecided(best, second), vocabulary.background)

    def _claims(
        self, detections: Detections, vocabulary: Vocabulary, dense: DenseScores | None
    ) -> list[_Claim]:
        """What speaks for each class that is spoken for, by falling bounds."""
        if dense is None and self.evidence == "dense":
            raise ValueError(
                "ThingsAndStuff is to read dense scores alone, and the system has none: take a "
                "detector that gives them, such as Sam3, or a dense scorer"
            )
        own, weighed = self._instance_weights(detections, dense)
        words, peaks = _word_weights(dense, weighed)
        answers = detections.labels.cpu()
        asked = torch.tensor(() if dense is None else dense.labels, dtype=torch.int64)
        apart = self.stuff == "under things"
        found = []
        for label in (*vocabulary.classes, *([] if self.background == "never" else [DISTRACTOR])):
            is_stuff = label in vocabulary.stuff
            blind = self.evidence == "dense" or (apart and is_stuff)
            instances = torch.zeros(0, dtype=torch.int64) if blind else _places(answers, label)
            maps = _places(asked, label) if self.evidence != "instances" else instances[:0]
            bounds = torch.cat([own[instances], words[maps] * peaks[maps]])
            if not len(bounds) or not float(bounds.max()) > 0:
                continue
            over = apart and not is_stuff and label != DISTRACTOR
            found.append(
                _Claim(
                    label if label != DISTRACTOR else vocabulary.background,
                    (instances, own[instances]),
                    (maps, words[maps]),
                    over,
                    float(bounds.max()) + over,
                )
            )
        return sorted(found, key=lambda claim: -claim.bound)

    def _instance_weights(
        self, detections: Detections, dense: DenseScores | None
    ) -> tuple[Tensor, bool]:
        """Scores of instances (N,) with presence as often as wanted; whether it is wanted at all.

        A detector that knows presence has it in its scores once.
        """
        judge = _judge(detections, dense)
        scores = detections.scores.cpu()
        wanted = _TIMES[self.presence]
        if judge is None or judge.presence is None or not len(judge):
            return scores, bool(wanted)
        presence = judge.presence.float().cpu()
        if self.background == "never" and float(presence.max()) < SUPPRESSED:
            wanted = 0
        prompts = detections.prompt_index.cpu()
        own = presence[prompts.clamp(min=0)].where(prompts >= 0, 1.0)
        times = wanted - (detections.dense is not None)
        weighed = scores * own.where(own > 0, 1.0) ** times if times < 0 else scores * own**times
        return weighed.clamp(max=1), bool(wanted)

    def _scores(self, claim: _Claim, masks: Masks, dense: DenseScores | None) -> Tensor:
        """How much speaks for a class at every pixel (H, W); 1 is added where nothing rivals it."""
        device = masks.logits.device
        scores = torch.zeros(masks.size, device=device)
        covered = torch.zeros(masks.size, dtype=torch.bool, device=device) if claim.over else None
        for part, weights in _parts(claim.instances, self.chunk, device):
            logits = masks.full(part)
            if covered is not None:
                covered |= (logits > 0).any(0)
            torch.maximum(scores, logits.sigmoid_().mul_(weights).amax(0), out=scores)
        if dense is not None:
            for part, weights in _parts(claim.words, self.chunk, dense.maps.device):
                maps = dense.full(part).mul_(weights).amax(0)
                torch.maximum(scores, maps.to(device), out=scores)
        if covered is None:
            return scores
        least = self.threshold if self.background == "threshold" else 0.0
        return scores + (covered & (scores >= least))

    def undecided(self, best: Tensor, second: Tensor) -> Tensor:
        """Which places are left to the background, by their two highest scores."""
        raised = best > 1
        best, second = best - raised.float(), (second - raised.float()).clamp(min=0)
        if self.background == "threshold":
            return best < self.threshold
        if self.background == "margin":
            return best * (best - second).clamp(min=0).sqrt() < self.threshold**STEEPNESS
        return best <= 0


def _judge(detections: Detections, dense: DenseScores | None) -> DenseScores | None:
    """What says how likely prompts are in the image at all."""
    return dense if detections.dense is None else detections.dense


def _presence(judge: DenseScores | None, labels: Sequence[int], vocabulary: Vocabulary) -> Tensor:
    """That of classes (A,), each the highest of its words'; 1 where nothing judges it."""
    found = torch.ones(len(labels))
    if judge is None or judge.presence is None:
        return found
    asked, presence = torch.tensor(judge.labels), judge.presence.float().cpu()
    for place, label in enumerate(labels):
        own = presence[asked == (DISTRACTOR if label == vocabulary.background else label)]
        found[place] = own.amax() if len(own) else 1.0
    return found


def _places(labels: Tensor, label: int) -> Tensor:
    return (labels == label).nonzero()[:, 0]


def _word_weights(dense: DenseScores | None, weighed: bool) -> tuple[Tensor, Tensor]:
    """Of every dense map its weight (P,) and its highest number (P,)."""
    if dense is None or not len(dense):
        return torch.zeros(0), torch.zeros(0)
    peaks = dense.maps.flatten(1).amax(1).float().cpu()
    if dense.presence is None or not weighed:
        return torch.ones(len(dense)), peaks
    return dense.presence.float().cpu(), peaks


def _parts(
    several: Sequence[Tensor], chunk: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Positions and weights (n, 1, 1) on a device, a few at a time."""
    positions, weights = several
    for part, own in zip(positions.split(chunk), weights.split(chunk), strict=True):
        if len(part):
            yield sent(part, device), sent(own, device)[:, None, None]
