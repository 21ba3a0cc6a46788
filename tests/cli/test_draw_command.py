"""`zeroseg draw`: ordinary files that say everything about themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zeroseg.cli.main import main
from zeroseg.data.drawn_scenes import label_map
from zeroseg.drawn.motion import draw_clip
from zeroseg.drawn.scene import draw_scene
from zeroseg.video.frames import VideoFile
from zeroseg.vocabularies import DRAM, DRAWN
from zeroseg.vocabulary import Vocabulary


def draw(output: str, *options: str) -> int:
    return main(["draw", "--size", "64x48", "--seed", "5", "--output", output, *options])


def test_pictures_masks_and_json_agree_with_the_scene() -> None:
    assert draw("out", "--count", "3", "--first", "2", "--vocabulary", "dram") == 0
    vocabulary = Vocabulary.from_yaml("out/vocabulary.yaml")
    assert vocabulary == DRAM
    names = [f"drawn-5-0000{index}" for index in (2, 3, 4)]
    for kind, suffix in (("images", "png"), ("masks", "png"), ("scenes", "json")):
        assert sorted(p.name for p in Path("out", kind).iterdir()) == [
            f"{name}.{suffix}" for name in names
        ]
    for index, name in zip((2, 3, 4), names, strict=True):
        scene = draw_scene(5, index, (48, 64))
        assert np.array_equal(np.asarray(Image.open(f"out/images/{name}.png")), scene.image)
        mask = Image.open(f"out/masks/{name}.png")
        assert mask.mode == "P"
        ids = torch.from_numpy(np.array(mask))
        assert torch.equal(vocabulary.from_ids(ids), label_map(scene, DRAM))
        palette = np.asarray(mask.getpalette(), np.uint8).reshape(-1, 3)
        assert tuple(palette[15]) == DRAM.colors[DRAM.index("person")]
        written = json.loads(Path(f"out/scenes/{name}.json").read_text())
        assert (written["caption"], written["style"]) == (scene.caption, scene.style)
        assert written["size"] == {"height": 48, "width": 64}
        for entry, region in zip(written["regions"], scene.regions, strict=True):
            assert (entry["name"], entry["category"]) == (region.name, region.category)
            assert tuple(entry["box_xyxy"]) == region.box
            assert entry["class"] in DRAM.names


def test_the_same_seed_draws_the_same_files() -> None:
    assert draw("one", "--count", "2") == draw("two", "--count", "2") == 0
    files = sorted(p.relative_to("one") for p in Path("one").rglob("*") if p.is_file())
    assert len(files) == 7
    for file in files:
        assert Path("one", file).read_bytes() == Path("two", file).read_bytes()
    assert main(["draw", "--size", "64x48", "--seed", "6", "--count", "2", "--output", "six"]) == 0
    picture = Path("six/images/drawn-6-00000.png").read_bytes()
    assert picture != Path("one/images/drawn-5-00000.png").read_bytes()


def test_jpg_pictures_with_exact_masks() -> None:
    assert draw("out", "--count", "1", "--format", "jpg") == 0
    picture = Image.open("out/images/drawn-5-00000.jpg")
    assert (picture.format, picture.size) == ("JPEG", (64, 48))
    assert Image.open("out/masks/drawn-5-00000.png").size == (64, 48)


def test_masks_of_other_classes_do_not_mix(capsys: pytest.CaptureFixture[str]) -> None:
    assert draw("out", "--count", "1") == 0
    assert draw("out", "--count", "1", "--vocabulary", "dram") == 2
    assert "another folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--size", "64"],
        ["--size", "64x"],
        ["--size", "-64x64"],
        ["--size", "64x16"],
        ["--size", "64x99999"],
        ["--count", "0"],
        ["--count", "many"],
        ["--seed", "-1"],
        ["--format", "bmp"],
    ],
)
def test_a_wrong_option_is_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["draw", "--output", "out", *options])
    assert stopped.value.code == 2
    assert options[0] in capsys.readouterr().err
    assert not Path("out").exists()


def test_drawn_files_go_into_segment(config: str) -> None:
    assert draw("out", "--count", "2") == 0
    assert main(["segment", "out/images", "--model", config, "--output", "seg"]) == 0
    assert len(list(Path("seg").glob("*.mask.png"))) == 2
    assert Image.open("seg/drawn-5-00000.mask.png").size == (64, 48)


def test_scenes_that_move_become_videos_with_a_mask_for_each_frame() -> None:
    assert draw("out", "--count", "1", "--first", "2", "--video", "4") == 0
    name = "drawn-5-00002"
    frames = list(VideoFile(f"out/videos/{name}.mp4"))
    assert [own.time for own in frames] == pytest.approx([i / 12 for i in range(4)])
    written = json.loads(Path(f"out/scenes/{name}.json").read_text())
    assert written["rate"] == 12 and written["size"] == {"height": 48, "width": 64}
    for own, frame, told in zip(
        draw_clip(5, 2, 4, (48, 64)), frames, written["frames"], strict=True
    ):
        ids = torch.from_numpy(np.array(Image.open(f"out/masks/{name}/{own.index:06d}.png")))
        assert torch.equal(DRAWN.from_ids(ids), label_map(own.scene, DRAWN))
        image = torch.from_numpy(own.scene.image).permute(2, 0, 1)
        assert (frame.image.float() - image.float()).abs().mean() < 12  # lossy
        assert [r["box_xyxy"] for r in told["regions"]] == [list(r.box) for r in own.scene.regions]
