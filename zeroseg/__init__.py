"""zeroseg: training-free, zero-shot semantic segmentation.

Images and class names in, a label for every pixel out:

    from zeroseg import ZeroShotSegmenter

    segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "boat", "person"])
    result = segmenter.segment("picture.png")
    result.plot().save("overlay.png")

Public names are loaded on first use, so that `import zeroseg` is quick; importing downloads
nothing and touches no device.
"""

from zeroseg.lazy import attach

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(__name__, __file__)
