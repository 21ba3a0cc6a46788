"""The names of the package, and where they are."""

from zeroseg.dense.clipseg import ClipSeg as ClipSeg
from zeroseg.dense.dense_scorer import DenseScorer as DenseScorer
from zeroseg.dense.patch_scorer import PatchScorer as PatchScorer
from zeroseg.dense.region_scorer import RegionScorer as RegionScorer
from zeroseg.dense.sam3_dense import Sam3Dense as Sam3Dense
