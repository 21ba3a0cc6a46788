"""Faults injected into everything that zeroseg depends on, and what becomes of its pictures."""
