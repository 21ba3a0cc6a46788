# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # First steps
#
# A picture and a list of class names go in, a class for every pixel comes out. The models of the
# preset `tiny` come along with the package, so nothing is fetched; they understand drawn scenes,
# of which the library draws as many as you like.

# %%
from PIL import Image

from zeroseg import ZeroShotSegmenter
from zeroseg.drawn.scene import draw_scene

scene = draw_scene(seed=0, index=0, size=(240, 320))
picture = Image.fromarray(scene.image)
print(scene.caption)
picture

# %% [markdown]
# ## Label it
#
# The list holds the classes that you care about; all else is background. A result shows itself:
# the overlay, the share of each class, and what every stage said.

# %%
segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["chair", "person", "dog"])
result = segmenter.segment(picture, instances=True, confidence=True)
result

# %%
result.areas

# %% [markdown]
# ## How it came about
#
# Tags and a caption say what is there; the names of the list that fit are looked for; what is
# found gets a box, points and a mask. There is no dog, so none was looked for.

# %%
print("tags:      ", ", ".join(tag.name for tag in result.description.tags))
print("caption:   ", result.description.caption)
print("looked for:", ", ".join(result.selection.prompts))
for phrase, score in zip(result.detections.phrases, result.detections.scores, strict=True):
    print(f"found:      {phrase} {score:.2f}")
print("seconds:   ", {stage: round(spent, 3) for stage, spent in result.trace.seconds.items()})

# %% [markdown]
# ## What can be done with it
#
# `label_map` is a tensor of class indices; `instances()` are single things; `confidence` says how
# sure each pixel is. `save` writes a mask, an overlay and a JSON file, which `Segmentation.load`
# reads again.

# %%
print(result.label_map.shape, result.vocabulary.names)
for one in result.instances():
    print(one.class_name, f"{one.score:.2f}", one.area, "pixels")
print(f"expected mIoU: {result.confidence.score:.2f}")
result.save("first_steps/scene")

# %% [markdown]
# For photographs take a preset with published checkpoints, such as `open`: `zeroseg doctor
# --model open` says what is here and what is missing.
