"""The names of the package, and where they are."""

from zeroseg.fusion.fusion import Fusion as Fusion
from zeroseg.fusion.highest_score import HighestScore as HighestScore
from zeroseg.fusion.signature_fusion import SignatureFusion as SignatureFusion
from zeroseg.fusion.signature_pool import SignaturePool as SignaturePool
from zeroseg.fusion.signatures import Signatures as Signatures
from zeroseg.fusion.things_and_stuff import ThingsAndStuff as ThingsAndStuff
