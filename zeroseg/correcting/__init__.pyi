"""The names of the package, and where they are."""

from zeroseg.correcting.corrected_result import CorrectedResult as CorrectedResult
from zeroseg.correcting.review_files import ReviewFiles as ReviewFiles
from zeroseg.correcting.review_files import StaleReview as StaleReview
from zeroseg.correcting.step import Step as Step
