"""Stage 1, images to text: taggers and captioners."""
