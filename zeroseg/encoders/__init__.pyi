"""The names of the package, and where they are."""

from zeroseg.encoders.image_text_encoder import ImageTextEncoder as ImageTextEncoder
from zeroseg.encoders.published import encoder_of as encoder_of
from zeroseg.encoders.templates import TEMPLATES as TEMPLATES
