"""The names of the package, and where they are."""

from zeroseg.baselines.clip_vote import ClipVote as ClipVote
from zeroseg.baselines.closed_set_vote import ClosedSetVote as ClosedSetVote
from zeroseg.baselines.mask_classifier import MaskClassifier as MaskClassifier
from zeroseg.baselines.mask_classifier import Votes as Votes
from zeroseg.baselines.semantic_segment_anything import (
    SemanticSegmentAnything as SemanticSegmentAnything,
)
