"""The names of the package, and where they are."""

from zeroseg.scale.dataset import Pool as Pool
from zeroseg.scale.dataset import segment_dataset as segment_dataset
