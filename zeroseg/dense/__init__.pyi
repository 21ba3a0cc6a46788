"""The names of the package, and where they are."""

from zeroseg.dense.dense_scorer import DenseScorer as DenseScorer
