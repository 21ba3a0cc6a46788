"""Scores of label maps against the truth."""
