"""The names of the package, and where they are."""

from zeroseg.reference.blip2 import ReferenceBlip2 as ReferenceBlip2
from zeroseg.reference.grounding_dino import ReferenceGroundingDino as ReferenceGroundingDino
from zeroseg.reference.grounding_dino import (
    ReferenceOfficialGroundingDino as ReferenceOfficialGroundingDino,
)
from zeroseg.reference.overlap import ReferenceOverlap as ReferenceOverlap
from zeroseg.reference.points import ReferencePoints as ReferencePoints
from zeroseg.reference.post_refiner import ReferencePostRefiner as ReferencePostRefiner
from zeroseg.reference.pre_refiner import ReferencePreRefiner as ReferencePreRefiner
from zeroseg.reference.ram_plus import ReferenceRamPlus as ReferenceRamPlus
from zeroseg.reference.raw_tags import ReferenceRawTags as ReferenceRawTags
from zeroseg.reference.sam import ReferenceSam as ReferenceSam
from zeroseg.reference.sam import ReferenceSamHq as ReferenceSamHq
