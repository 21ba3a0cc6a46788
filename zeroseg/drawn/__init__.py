"""A procedural world of drawn pictures with exact ground truth, made of Pillow and NumPy only."""
