"""The names of the package, and where they are."""

from zeroseg.detection.detector import Detector as Detector
from zeroseg.detection.florence2_detector import Florence2Detector as Florence2Detector
from zeroseg.detection.grounding_dino import GroundingDino as GroundingDino
from zeroseg.detection.official_grounding_dino import OfficialGroundingDino as OfficialGroundingDino
from zeroseg.detection.omdet_turbo import OmDetTurbo as OmDetTurbo
from zeroseg.detection.owlv2 import Owlv2 as Owlv2
from zeroseg.detection.sam3 import Sam3 as Sam3
