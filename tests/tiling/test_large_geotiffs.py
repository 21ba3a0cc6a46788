"""GeoTIFFs block by block, read back by rasterio."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from PIL import Image
from rasterio.transform import from_origin

from zeroseg.cli.main import main
from zeroseg.errors import BlockError, ImageError, PackageNotFound, ZerosegError
from zeroseg.segmentation import Segmentation
from zeroseg.tiling import segment_geotiff
from zeroseg.tiling.geotiff import is_too_large, overview
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(
    ["nothing", "light", "dark"], background="nothing", ids=[7, 3, 5], ignore_index=255
)
PLACE = from_origin(500_000, 5_000_000, 0.5, 0.5)


SYSTEM = """
vocabulary: [background, dog]
pre_refiner: {class_path: zeroseg.refinement.all_classes.AllClasses}
detector: {class_path: zeroseg.testing.ScriptedDetector, init_args: {boxes: {dog: [0, 0, 1, 1]}}}
mask_predictor: {class_path: zeroseg.testing.BoxMasks}
"""
"""Finds one dog all over every picture."""


class Brightness:
    """Light where a pixel is bright, dark where it is not; it keeps the sizes it was shown."""

    vocabulary, config = CLASSES, None

    def __init__(self, fails_at: int | None = None) -> None:
        self.seen: list[tuple[int, int]] = []
        self.fails_at = fails_at

    def stream(self, sources: Iterable[Any]) -> Iterator[Segmentation | Failure]:
        for image in sources:
            if len(self.seen) == self.fails_at:
                yield Failure("0", "detection", "the detector broke")
                continue
            self.seen.append((image.shape[1], image.shape[2]))
            yield Segmentation(torch.where(image[0] > 127, 1, 2), CLASSES, image)


def write(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    """A GeoTIFF of bands (C, H, W)."""
    count, height, width = pixels.shape
    profile = {"height": height, "width": width, "count": count, "dtype": pixels.dtype}
    with rasterio.open(
        path, "w", "GTiff", crs="EPSG:32633", transform=PLACE, **profile, **options
    ) as file:
        file.write(pixels)
    return path


def noise(height: int, width: int, bands: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (bands, height, width), np.uint8)


def test_the_mask_has_the_sources_size_coordinates_and_the_vocabularys_colours(
    tmp_path: Path,
) -> None:
    pixels, system, steps = noise(600, 530), Brightness(), []
    areas = segment_geotiff(
        system,
        write(tmp_path / "a.tif", pixels),
        tmp_path / "m.tif",
        block=256,
        margin=16,
        progress=lambda done, total: steps.append((done, total)),
    )
    truth = np.where(pixels[0] > 127, 3, 5)
    with rasterio.open(tmp_path / "m.tif") as mask:
        assert (mask.read(1) == truth).all()
        assert mask.crs == rasterio.CRS.from_epsg(32633)
        assert mask.transform == PLACE
        assert mask.block_shapes == [(256, 256)]
        assert mask.nodata == 255
        assert mask.tags()["class_3"] == "light"
        for number, color in zip(CLASSES.ids, CLASSES.colors, strict=True):
            assert mask.colormap(1)[number][:3] == color
    assert areas["light"] == pytest.approx((truth == 3).mean())
    assert sum(areas.values()) == pytest.approx(1)
    assert steps == [(n, 9) for n in range(1, 10)]
    assert max(system.seen) == (288, 288)  # of 256 with margins, and never all of it
    assert not (tmp_path / "m.tif.blocks").exists()


def test_pixels_without_data_are_ignored_and_deep_ones_have_one_white(tmp_path: Path) -> None:
    pixels = noise(300, 300, 1).astype(np.uint16) * 16
    pixels[0, :40] = 9  # the value of no data
    pixels[0, 299, 299] = 4095  # white, in the last block alone
    file = write(tmp_path / "a.tif", pixels, nodata=9)
    areas = segment_geotiff(Brightness(), file, tmp_path / "m.tif", block=256, margin=0)
    with rasterio.open(tmp_path / "m.tif") as mask:
        ids = mask.read(1)
    truth = np.where(np.rint(pixels[0] * (255 / 4095)) > 127, 3, 5)
    assert set(ids[:40].flat) == {255}
    assert (ids[40:] == truth[40:]).mean() > 0.999
    assert sum(areas.values()) == pytest.approx(1)


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    file, target = write(tmp_path / "a.tif", noise(512, 768)), tmp_path / "m.tif"
    with pytest.raises(BlockError, match="row 0, column 512 failed at detection: the detector"):
        segment_geotiff(Brightness(fails_at=2), file, target, block=256, margin=0)
    assert not target.exists()
    rest = Brightness()
    segment_geotiff(rest, file, target, block=256, margin=0)
    assert len(rest.seen) == 4
    assert target.exists()


def test_blocks_of_another_run_are_not_gone_on_with(tmp_path: Path) -> None:
    file, target = write(tmp_path / "a.tif", noise(300, 300)), tmp_path / "m.tif"
    with pytest.raises(BlockError):
        segment_geotiff(Brightness(fails_at=1), file, target, block=256, margin=0)
    with pytest.raises(ZerosegError, match=r"holds another run .it differs in margin"):
        segment_geotiff(Brightness(), file, target, block=256, margin=16)
    system = Brightness()
    system.vocabulary = replace(CLASSES, names=("nothing", "bright", "dark"))
    with pytest.raises(ZerosegError, match="differs in classes"):
        segment_geotiff(system, file, target, block=256, margin=0)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    target = tmp_path / "m.tif"
    (tmp_path / "bad.tif").write_bytes(b"II*\0nothing")
    for name, said in (("none.tif", "No such file"), ("bad.tif", "cannot be read")):
        with pytest.raises(ImageError, match=said):
            segment_geotiff(Brightness(), tmp_path / name, target)
    odd = write(tmp_path / "odd.tif", np.full((1, 300, 300), -5, np.int16))
    with pytest.raises(ImageError, match=r"odd.tif' holds values from -5 to -5"):
        segment_geotiff(Brightness(), odd, target)
    with pytest.raises(ValueError, match="block is 100"):
        segment_geotiff(Brightness(), odd, target, block=100)


def test_rasterio_is_asked_for_by_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rasterio", None)
    with pytest.raises(PackageNotFound, match=r'pip install "zeroseg\[geo\]"'):
        segment_geotiff(Brightness(), tmp_path / "a.tif", tmp_path / "m.tif")


def test_only_tiffs_beyond_pillows_limit_go_block_by_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = write(tmp_path / "a.tif", noise(300, 300))
    Image.fromarray(noise(300, 300).transpose(1, 2, 0)).save(tmp_path / "a.png")
    (tmp_path / "bad.tif").write_bytes(b"nothing")
    assert not is_too_large(large)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300 * 150 - 1)
    assert is_too_large(large)
    assert not is_too_large(tmp_path / "a.png")
    assert not is_too_large(tmp_path / "bad.tif")


def test_the_command_takes_files_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    write(tmp_path / "large.tif", noise(300, 310))
    Image.fromarray(noise(24, 32).transpose(1, 2, 0)).save("small.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000)
    Path("system.yaml").write_text(SYSTEM)
    told = ["--model", "system.yaml", "--output", "out", "--tiling", "2048"]
    assert main(["segment", "large.tif", "small.png", *told]) == 0
    with rasterio.open("out/large.mask.tif") as mask:
        assert mask.shape == (300, 310)
        assert mask.transform == PLACE
        assert set(mask.read(1).flat) == {1}
    told = json.loads(Path("out/large.json").read_text())
    assert told["name"] == "large.tif"
    assert told["areas"] == {"dog": 1}
    assert Path("out/small.mask.png").exists()
    assert "2 segmented, 0 failed" in capsys.readouterr().out
    region = ["--region", "0,0,20,20"]
    assert (
        main(["segment", "large.tif", "--model", "system.yaml", "--output", "part", *region]) == 1
    )
    assert "gdal_translate -srcwin" in capsys.readouterr().err
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with Image.open("out/large.overlay.png") as shown:
        assert shown.width == 310 and shown.height > 300  # and a legend beneath


def test_an_overview_is_small_and_fits_its_picture(tmp_path: Path) -> None:
    pixels = np.zeros((3, 600, 400), np.uint8)
    pixels[:, 200:400, 100:300] = 240
    source = write(tmp_path / "a.tif", pixels, nodata=None)
    segment_geotiff(Brightness(), source, tmp_path / "mask.tif", block=256, margin=0)
    image, labels = overview(source, tmp_path / "mask.tif", CLASSES, side=60)
    assert image.shape == (3, 60, 40) and labels.shape == (60, 40)
    assert torch.equal(image[0, 21:39, 11:29], torch.full((18, 18), 240, dtype=torch.uint8))
    assert torch.equal(labels == 1, image[0] > 127)
    whole, all_labels = overview(source, tmp_path / "mask.tif", CLASSES)
    assert np.array_equal(whole.numpy(), pixels) and all_labels.shape == (600, 400)


def test_an_overview_of_sixteen_bits_is_as_bright_as_the_picture(tmp_path: Path) -> None:
    source = write(tmp_path / "a.tif", noise(64, 48, 1).astype(np.uint16) * 16)
    segment_geotiff(Brightness(), source, tmp_path / "mask.tif", block=256)
    image, _ = overview(source, tmp_path / "mask.tif", CLASSES)
    assert int(image.max()) > 200
    with pytest.raises(ImageError, match="cannot be read"):
        overview(source, tmp_path / "none.tif", CLASSES)
