"""Weights as the networks' authors publish them, and the authors' own networks."""
