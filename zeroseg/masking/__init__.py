"""Stage 5, images and boxes to masks."""
