"""The names of the package, and where they are."""

from zeroseg.importing.import_masks import ImportReport as ImportReport
from zeroseg.importing.import_masks import import_truth as import_truth
from zeroseg.importing.mask_source import MaskSource as MaskSource
