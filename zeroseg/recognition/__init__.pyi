"""The names of the package, and where they are."""

from zeroseg.recognition.blip2 import Blip2 as Blip2
from zeroseg.recognition.captioner import Captioner as Captioner
from zeroseg.recognition.florence2_captioner import Florence2Captioner as Florence2Captioner
from zeroseg.recognition.ram_plus import RamPlus as RamPlus
from zeroseg.recognition.tagger import Tagger as Tagger
