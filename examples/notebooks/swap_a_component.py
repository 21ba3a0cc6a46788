# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Swap a component
#
# A system is a chain of components, each an `nn.Module` with one `forward`. A preset is a choice
# of them, and each can be replaced where it is loaded: an ablation is a component swapped, never
# a flag.

# %%
import torch

from zeroseg import Detections, Detector, Sam, ZeroShotSegmenter
from zeroseg.data import DrawnScenes
from zeroseg.refinement import AllClasses

sample = DrawnScenes("dram", seed=1).dataset[0]
segmenter = ZeroShotSegmenter.from_preset("tiny")
segmenter.segment(sample.image).areas

# %% [markdown]
# ## One that comes along
#
# Without points, SAM has nothing but the box. With `AllClasses` every name is looked for,
# whatever tags and caption say.

# %%
others = {
    "boxes only": {"mask_predictor": Sam.from_pretrained("tiny:sam", point_sampler=None)},
    "every class looked for": {"pre_refiner": AllClasses()},
    "without captions": {"captioner": None},
}
for name, parts in others.items():
    other = ZeroShotSegmenter.from_preset("tiny", **parts)
    print(
        f"{name:24}",
        {label: round(area, 3) for label, area in other.segment(sample.image).areas.items()},
    )

# %% [markdown]
# ## One of your own
#
# This detector finds everything it is asked for in the middle of the picture. It takes a sequence
# of pictures, and gives one value for each; `zeroseg.testing.DetectorContract` tests it.


# %%
class Middle(Detector):
    def forward(self, images, selections):
        return [self._find(i, s) for i, s in zip(images, selections, strict=True)]

    def _find(self, image, selection):
        height, width = image.shape[1:]
        box = torch.tensor([width / 4, height / 4, 3 * width / 4, 3 * height / 4])
        count = len(selection.prompts)
        return Detections(
            boxes=box.expand(count, 4).clone(),
            scores=torch.full((count,), 0.5),
            labels=torch.tensor(selection.labels, dtype=torch.int64),
            phrases=tuple(selection.prompts),
            prompt_index=torch.arange(count),
        )


own = ZeroShotSegmenter.from_preset("tiny", detector=Middle())
own.segment(sample.image)

# %% [markdown]
# In a file it is named by its path, `detector: {class_path: mylab.detectors.Middle}`, and nothing
# has to be registered.
