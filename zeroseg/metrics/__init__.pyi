"""The names of the package, and where they are."""

from zeroseg.metrics.pixel_counts import PixelCounts as PixelCounts
from zeroseg.metrics.pixel_counts import count_pixels as count_pixels
from zeroseg.metrics.protocol import Protocol as Protocol
from zeroseg.metrics.segmentation_scores import SegmentationScores as SegmentationScores
from zeroseg.metrics.segmentation_scores import summarize as summarize
from zeroseg.metrics.temporal_consistency import TemporalConsistency as TemporalConsistency
