# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Export, and import again
#
# Results go to the tools in which people correct masks, and come back as truth. First, some
# results.

# %%
from pathlib import Path

from PIL import Image

from zeroseg import Segmentation, ZeroShotSegmenter
from zeroseg.data import ImageMaskFolder
from zeroseg.drawn.scene import draw_scene
from zeroseg.export import FORMATS, export_results
from zeroseg.importing import import_truth

Path("pictures").mkdir(exist_ok=True)
for index in range(3):
    Image.fromarray(draw_scene(0, index, (128, 160)).image).save(f"pictures/scene-{index}.png")
pictures = sorted(Path("pictures").glob("*.png"))

segmenter = ZeroShotSegmenter.from_preset(
    "tiny", vocabulary=["chair", "person", "umbrella", "bird"]
)
for file, result in zip(pictures, segmenter.stream(pictures, instances=True), strict=True):
    print(file.name, list(result.areas))
    result.save(f"results/{file.stem}")

# %% [markdown]
# ## Out
#
# Each export reads its own files again, and says what it kept of them: 1 means every pixel of
# every region.

# %%
print(", ".join(FORMATS))
for name in ("coco", "yolo", "cvat"):
    report = export_results("results", f"exported/{name}", name)
    print(f"{name:5} {report.round_trip.mean:.4f}")
    for note in report.notes:
        print("     ", note)

# %% [markdown]
# ## In again
#
# After somebody corrected them in CVAT, the masks become a data set that `zeroseg test` and
# `zeroseg score` take.

# %%
report = import_truth("exported/cvat", "truth", "cvat", pictures="pictures")
truth = ImageMaskFolder("truth")
print(report.written, "pictures:", ", ".join(truth.vocabulary.names))
Segmentation.load("results/scene-0")

# %% [markdown]
# On the command line: `zeroseg export results --format cvat -o to-correct` and `zeroseg import
# to-correct --format cvat --pictures pictures -o truth`.
