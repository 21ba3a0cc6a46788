"""Stage 6, masks to one label a pixel."""
