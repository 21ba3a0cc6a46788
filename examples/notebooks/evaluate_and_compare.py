# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Evaluate and compare
#
# Is a change worth it? Both systems are scored on the same pictures, in step, and the difference
# gets an interval. Here the data are drawn scenes; `Voc2012`, `Cityscapes` or a folder of
# pictures and masks take their place.

# %%
from pathlib import Path

from zeroseg import ZeroShotSegmenter, compare, evaluate
from zeroseg.data import DrawnScenes

data = DrawnScenes("dram", count=6, size=(128, 128))
systems = {
    "full": ZeroShotSegmenter.from_preset("tiny", vocabulary=data.vocabulary),
    "no tags": ZeroShotSegmenter.from_preset("tiny", vocabulary=data.vocabulary, tagger=None),
}
folders = {"full": "runs/full", "no tags": "runs/no_tags"}
runs = evaluate(systems, data, folders, enable_progress_bar=False)

# %% [markdown]
# Every run is a folder: results, a record of each picture, label maps, and a report to read. A
# run that was stopped goes on where it was.

# %%
for name, run in runs.items():
    print(
        f"{name:8} mIoU {run.results['miou']:.4f}  boundary IoU {run.results['boundary_iou']:.4f}"
    )
print(sorted(file.name for file in Path("runs/full").iterdir()))

# %% [markdown]
# ## Where they differ
#
# A paired bootstrap over pictures says how far the difference can be trusted. With six pictures,
# not far.

# %%
comparison = compare("runs/full", "runs/no_tags")
points, low, high = (100 * value for value in comparison.miou.difference)
print(f"mIoU: {points:+.2f} points, 95 % interval {low:+.2f} to {high:+.2f}")
for name in comparison.losses(3):
    before, after = comparison.images[name]
    print(f"{name}: {before:.3f} with tags, {after:.3f} without")

# %% [markdown]
# On the command line: `zeroseg test`, `zeroseg compare`, and `zeroseg oracle`, which says which
# stage loses what.
