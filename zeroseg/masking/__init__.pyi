"""The names of the package, and where they are."""

from zeroseg.masking.detector_masks import DetectorMasks as DetectorMasks
from zeroseg.masking.edgetam import EdgeTam as EdgeTam
from zeroseg.masking.everything import EverythingMasks as EverythingMasks
from zeroseg.masking.mask_predictor import MaskPredictor as MaskPredictor
from zeroseg.masking.mask_proposer import MaskProposer as MaskProposer
from zeroseg.masking.mask_proposer import Proposals as Proposals
from zeroseg.masking.official_sam import OfficialSam as OfficialSam
from zeroseg.masking.point_sampler import PointSampler as PointSampler
from zeroseg.masking.points import QueryCentres as QueryCentres
from zeroseg.masking.points import SpreadPoints as SpreadPoints
from zeroseg.masking.points import TopLogits as TopLogits
from zeroseg.masking.sam import Sam as Sam
from zeroseg.masking.sam2 import Sam2 as Sam2
from zeroseg.masking.sam3_tracker import Sam3Tracker as Sam3Tracker
from zeroseg.masking.sam_hq import SamHq as SamHq
