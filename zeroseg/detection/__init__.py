"""Stage 3, images and prompts to boxes."""
