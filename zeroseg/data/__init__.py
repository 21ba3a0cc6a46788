"""Data sets as Lightning datamodules: images at their own size, batches as lists."""
