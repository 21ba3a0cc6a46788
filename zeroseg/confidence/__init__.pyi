"""The names of this folder, and where they are."""

from zeroseg.confidence.confidence_estimator import ConfidenceEstimator as ConfidenceEstimator
from zeroseg.confidence.evidence_confidence import EvidenceConfidence as EvidenceConfidence
