"""Stages 2 and 4, from open words to the classes of a vocabulary and back."""
