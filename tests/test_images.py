"""The door for pictures: every format and mode becomes the same kind of tensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zeroseg.errors import ImageError
from zeroseg.images import find_images, read_image

RED = np.zeros((10, 12, 3), np.uint8)
RED[..., 0] = 255
RED[:, 6:] = (0, 0, 255)  # the right half is blue


def close(image: torch.Tensor, pixels: np.ndarray, tolerance: int = 0) -> bool:
    array = image.permute(1, 2, 0).numpy().astype(int)
    return array.shape == pixels.shape and bool(np.abs(array - pixels).max() <= tolerance)


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("a.png", {}, 0),
        ("a.bmp", {}, 0),
        ("a.tif", {}, 0),
        ("a.tiff", {"compression": "tiff_lzw"}, 0),
        ("a.gif", {}, 0),
        ("a.webp", {"lossless": True}, 0),
        ("a.jpg", {"quality": 100, "subsampling": 0}, 4),
        ("a.JPEG", {"quality": 100, "subsampling": 0}, 4),
    ],
)
def test_file_formats(
    name: str, options: dict[str, object], tolerance: int, tmp_path: Path
) -> None:
    Image.fromarray(RED).save(tmp_path / name, **options)
    image = read_image(tmp_path / name)
    assert image.dtype == torch.uint8
    assert image.is_contiguous()
    assert close(image, RED, tolerance)
    assert torch.equal(image, read_image(str(tmp_path / name)))


@pytest.mark.parametrize("mode", ["P", "CMYK", "RGBA", "RGBX", "HSV", "YCbCr", "LAB"])
def test_colour_modes(mode: str) -> None:
    picture = Image.fromarray(RED)
    picture = picture.quantize(16) if mode == "P" else picture
    if mode == "LAB":
        picture = Image.new("LAB", (12, 10), (255, 128, 128))
        assert read_image(picture).shape == (3, 10, 12)
        return
    assert close(read_image(picture.convert(mode)), RED, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I", "F", "I;16"])
def test_grey_modes(mode: str) -> None:
    value = {"1": 1, "L": 200, "LA": (200, 255), "I": 200, "F": 200.0, "I;16": 200 * 257}[mode]
    image = read_image(Image.new(mode, (12, 10), value))  # type: ignore[arg-type]
    assert image.shape == (3, 10, 12)
    assert set(image.unique().tolist()) == ({255} if mode == "1" else {200})


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 12 * 10).reshape(10, 12).astype(np.uint16)
    for name in ("a.png", "a.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        image = read_image(tmp_path / name)
        expected = np.rint(ramp / 257).astype(int)
        assert np.array_equal(image[0].numpy(), expected)
        assert torch.equal(image[0], image[2])
    assert torch.equal(read_image(ramp), image)


def test_transparent_pixels_lie_on_white() -> None:
    pixels = np.dstack([RED, np.full((10, 12), 255, np.uint8)])
    pixels[:5, :, 3] = 0
    pixels[5:, :, 3] = 255
    for source in (Image.fromarray(pixels), pixels):
        image = read_image(source)
        assert bool((image[:, :5] == 255).all())
        assert close(image[:, 5:], RED[5:])
    half = np.dstack([np.zeros((10, 12, 3), np.uint8), np.full((10, 12), 128, np.uint8)])
    assert abs(int(read_image(Image.fromarray(half))[0, 0, 0]) - 127) <= 1


def test_a_transparent_palette_entry_lies_on_white(tmp_path: Path) -> None:
    indexed = Image.new("P", (12, 10), 0)
    indexed.putpalette([255, 0, 0, 0, 0, 255])
    indexed.paste(1, (6, 0, 12, 10))
    indexed.save(tmp_path / "a.png", transparency=0)
    image = read_image(tmp_path / "a.png")
    assert image[:, 0, 0].tolist() == [255, 255, 255]
    assert image[:, 0, 8].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, RED),
        (2, RED[:, ::-1]),
        (3, RED[::-1, ::-1]),
        (4, RED[::-1]),
        (5, RED.transpose(1, 0, 2)),
        (6, np.rot90(RED, 3)),
        (7, np.rot90(RED, 3)[::-1, ::-1].transpose(0, 1, 2)[:, ::-1]),
        (8, np.rot90(RED)),
    ],
)
def test_exif_orientation_is_applied(orientation: int, turned: np.ndarray, tmp_path: Path) -> None:
    picture = Image.fromarray(RED)
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.save(tmp_path / "a.png", exif=exif)
    assert close(read_image(tmp_path / "a.png"), turned)


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (12, 10), color) for color in ("red", "lime", "blue")]
    for name in ("a.gif", "a.webp", "a.png", "a.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert read_image(tmp_path / name)[:, 5, 5].tolist() == pytest.approx([255, 0, 0], abs=4)
    with Image.open(tmp_path / "a.gif") as moved:
        moved.seek(2)
        assert read_image(moved)[:, 5, 5].tolist() == [255, 0, 0]


def test_arrays_and_tensors() -> None:
    assert close(read_image(RED), RED)
    assert close(read_image(RED[:, ::-1]), RED[:, ::-1])
    assert close(read_image(RED.astype(np.float32) / 255), RED)
    grey = RED[..., 0]
    assert close(read_image(grey), np.dstack([grey] * 3))
    assert close(read_image(grey[..., None]), np.dstack([grey] * 3))
    assert close(read_image(grey > 0), np.dstack([grey] * 3))
    tensor = torch.from_numpy(RED).permute(2, 0, 1)
    assert torch.equal(read_image(tensor), tensor)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (np.zeros((2, 10, 10, 3), np.uint8), "expected"),
        (np.zeros((10, 12, 2), np.uint8), "expected"),
        (np.zeros((10, 12, 3), np.int64), "int64"),
        (np.full((10, 12, 3), 200.0), r"\[0, 1\]"),
        (np.full((10, 12, 3), np.nan), r"\[0, 1\]"),
        (torch.zeros(10, 12, 3, dtype=torch.uint8), "expected"),
        (torch.zeros(3, 10, 12), "float32"),
        (np.zeros((7, 12, 3), np.uint8), "12 x 7"),
        (np.zeros((0, 12, 3), np.uint8), "12 x 0"),
        (Image.new("RGB", (1, 1)), "1 x 1"),
    ],
)
def test_what_is_no_picture(source: np.ndarray, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        read_image(source)


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    def refused(name: str) -> str:
        with pytest.raises(ImageError) as caught:
            read_image(tmp_path / name)
        return str(caught.value)

    assert "no file" in refused("gone.png")
    (tmp_path / "empty.png").touch()
    assert "empty" in refused("empty.png")
    (tmp_path / "text.jpg").write_text("hello")
    assert "not a picture" in refused("text.jpg")
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for suffix in ("png", "jpg", "webp", "tif"):
        Image.fromarray(noisy).save(tmp_path / f"whole.{suffix}")
        data = (tmp_path / f"whole.{suffix}").read_bytes()
        (tmp_path / f"cut.{suffix}").write_bytes(data[: len(data) // 2])
        assert "cut" in refused(f"cut.{suffix}")
    (tmp_path / "folder.png").mkdir()
    assert "cannot be read" in refused("folder.png")


def test_find_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.JPG", "sub/c.webp", "sub/deep/d.tiff", "notes.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("folder.png").mkdir()
    everything = ["a.JPG", "b.png", "sub/c.webp", "sub/deep/d.tiff"]
    assert [str(p) for p in find_images(["."])] == everything
    assert [str(p) for p in find_images(["*.png", "./b.png", tmp_path / "b.png"])] == ["b.png"]
    assert [str(p) for p in find_images(["sub/**/*.t*"])] == ["sub/deep/d.tiff"]
    assert find_images([f"{tmp_path}/*.png"]) == [tmp_path / "b.png"]
    assert [str(p) for p in find_images(["notes.txt"])] == ["notes.txt"]  # named, so tried
    for nothing in ("gone.png", "*.bmp", "folder.png", "a**b"):
        with pytest.raises(ImageError):
            find_images([nothing])


def test_a_floating_point_tiff_of_shares_is_scaled(tmp_path: Path) -> None:
    shares = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    Image.fromarray(shares).save(tmp_path / "shares.tiff")
    image = read_image(tmp_path / "shares.tiff")
    assert image[0].flatten().tolist() == np.rint(shares.flatten() * 255).tolist()
