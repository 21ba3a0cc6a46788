"""How the tiny family was trained: one script a model, on scenes drawn by `zeroseg.drawn`.

Run in this order (`python -m benchmarks.recipes.<name> --help`): `cache` draws the training
scenes once, then `detector`, `masks`, `tagger` and `captioner` train one model each. `chat`
needs no pictures.
"""
