"""Exports opened by the readers of the tools that they are for."""
