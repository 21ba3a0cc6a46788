"""Dense scores: how likely each prompt is at every place of an image."""
