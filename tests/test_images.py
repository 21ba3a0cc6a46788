"""The door for pictures: every format and mode becomes the same kind of tensor."""

from __future__ import annotations

import io
import os
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence, TiffImagePlugin

from zeroseg.errors import ImageError
from zeroseg.images import read_image

CASES = Path(__file__).parent / "cases" / "pictures"

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


def test_a_frame_is_itself_and_the_image_stays_as_it_is() -> None:
    expected = []
    with Image.open(CASES / "three_frames.gif") as moving:
        for frame in ImageSequence.Iterator(moving):
            expected.append(torch.from_numpy(np.array(frame.convert("RGB"))).permute(2, 0, 1))
    assert len({int(frame.float().mean()) for frame in expected}) == 3
    with Image.open(CASES / "three_frames.gif") as moving:
        for position, frame in enumerate(ImageSequence.Iterator(moving)):
            before = frame.mode, frame.size, dict(frame.info)
            assert torch.equal(read_image(frame), expected[position])
            assert frame.tell() == position
            assert (frame.mode, frame.size, dict(frame.info)) == before
        moving.seek(1)
        assert torch.equal(read_image(moving), expected[1])
    assert torch.equal(read_image(CASES / "three_frames.gif"), expected[0])


def test_a_picture_from_memory_stays_open_and_unchanged(tmp_path: Path) -> None:
    for mode in ("P", "RGBA", "I;16", "F", "CMYK", "1"):
        picture = Image.new(mode, (12, 10))
        again = picture.copy()
        read_image(picture)
        assert (picture.mode, picture.tobytes()) == (again.mode, again.tobytes())
    Image.fromarray(RED).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    for source in (data, bytearray(data), memoryview(data)):
        assert close(read_image(source), RED)
    with open(tmp_path / "a.png", "rb") as file:
        file.seek(5)
        assert close(read_image(file), RED)
        assert file.tell() == 5
    written = io.BytesIO()
    Image.fromarray(RED).save(written, "PNG")
    assert close(read_image(written), RED)  # though it stands at its end
    with pytest.raises(ImageError, match="closed file"):
        read_image(file)


def test_a_pil_image_that_was_never_loaded_may_be_broken_or_closed(tmp_path: Path) -> None:
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noisy).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match="the PIL image cannot be read"):
        read_image(Image.open(tmp_path / "cut.png"))
    closed = Image.open(tmp_path / "a.png")
    closed.close()
    with pytest.raises(ImageError, match="the PIL image cannot be read"):
        read_image(closed)


def test_a_tensor_or_array_is_copied() -> None:
    tensor = torch.from_numpy(RED).permute(2, 0, 1).contiguous()
    array = np.zeros((8, 8, 3), np.uint8)
    for source, image in ((tensor, read_image(tensor)), (array, read_image(array))):
        source[...] = 7
        assert not bool((image == 7).any())


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
    assert torch.equal(read_image(tensor.float() / 255), tensor)
    assert torch.equal(read_image((tensor / 255).bfloat16())[:, 0, 0], tensor[:, 0, 0])
    assert torch.equal(read_image(tensor[:1])[1], tensor[0])
    assert torch.equal(read_image(tensor[0])[2], tensor[0])
    alpha = torch.cat([tensor, torch.zeros(1, 10, 12, dtype=torch.uint8)])
    assert bool((read_image(alpha) == 255).all())


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (np.zeros((2, 10, 10, 3), np.uint8), "give several pictures as a list"),
        (np.zeros((10, 12, 2), np.uint8), r"expected \(H, W, 3\)$"),
        (np.zeros((3, 10, 12), np.uint8), r"expected \(H, W, 3\); \.transpose\(1, 2, 0\)"),
        (np.array(None, dtype=object), "the array has the shape"),
        (np.full((10, 12, 3), "x", dtype=object), "type object"),
        (np.zeros((10, 12, 3), complex), "type complex"),
        (torch.zeros(10, 12, 3, dtype=torch.uint8), r"expected \(3, H, W\); use \.permute"),
        (torch.zeros(2, 3, 10, 12, dtype=torch.uint8), "give several pictures as a list"),
        (torch.zeros(3, 10, 12, dtype=torch.uint8, device="meta"), "the tensor cannot be read"),
        (torch.zeros(3, 10, 12).to_sparse(), "the tensor cannot be read"),
        (np.zeros((7, 12, 3), np.uint8), "12 x 7"),
        (np.zeros((0, 12, 3), np.uint8), "12 x 0"),
        (np.zeros((0, 12), np.float32), "12 x 0"),
        (np.zeros((10, 12, 0), np.uint8), "expected"),
        (Image.new("RGB", (1, 1)), "1 x 1"),
        (None, "the NoneType is no picture; give a path"),
        (7, "the int is no picture"),
        ({"a.png"}, "the set is no picture"),
        (Path, "cannot be read|is no picture"),
        (b"", "the encoded picture is empty"),
        (b"no picture", "not a picture"),
        (io.BytesIO(), "the open file is empty"),
        (io.StringIO("text"), "open it as 'rb'"),
        ("https://example.com/a.png", "is a URL: fetch it first"),
        ("", "there is no file"),
        ("a\0b.png", "cannot be read"),
        ("x" * 5000, "File name too long"),
        ("\ud800.png", "cannot be read"),
        ("~nobody/a.png", "there is no file"),
    ],
)
def test_what_is_no_picture(source: Any, says: str) -> None:
    with pytest.raises(ImageError, match=says) as caught:
        read_image(source)
    assert len(str(caught.value)) < 600
    str(caught.value).encode()  # whatever the name is, the message is text


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
    assert "it is a folder" in refused("folder.png")
    os.mkfifo(tmp_path / "pipe.png")  # nobody writes to it, and nobody waits
    assert "pipe" in refused("pipe.png")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.png"))
        assert "socket" in refused("s.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    assert "device" in refused("device.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    assert "symbolic links" in refused("loop.png")
    (tmp_path / "nowhere.png").symlink_to("gone.png")
    assert "no file" in refused("nowhere.png")


def test_a_floating_point_tiff_of_shares_is_scaled(tmp_path: Path) -> None:
    shares = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    Image.fromarray(shares).save(tmp_path / "shares.tiff")
    image = read_image(tmp_path / "shares.tiff")
    assert image[0].flatten().tolist() == np.rint(shares.flatten() * 255).tolist()


def test_the_small_failing_pictures() -> None:
    with pytest.raises(ImageError, match=r"damaged_avif_inside\.jpg' cannot be read: .*Error\)"):
        read_image(CASES / "damaged_avif_inside.jpg")
    for source in (CASES / "float_with_nan.tif", np.full((10, 12, 3), np.nan)):
        with pytest.raises(ImageError, match="NaN or infinity"):
            read_image(source)
    assert read_image(CASES / "picture.jfif").shape == (3, 40, 60)


@pytest.mark.parametrize(
    "error", [RuntimeError, KeyError, MemoryError, ZeroDivisionError, EOFError]
)
def test_whatever_a_decoder_raises_is_the_failure_of_its_picture(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Image.Image) -> None:
        raise error

    written = io.BytesIO()
    Image.fromarray(RED).save(written, "PNG")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", broken)
    with pytest.raises(ImageError, match=f"cannot be read: {error.__name__}"):
        read_image(written.getvalue())


@pytest.mark.filterwarnings("ignore")
def test_damaged_bytes_of_every_format_are_a_picture_or_an_image_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    failures = []
    generator = np.random.default_rng(0)
    picture = Image.fromarray(generator.integers(0, 256, (32, 40, 3), dtype=np.uint8))
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP", "PPM", "TGA", "JPEG2000"):
        written = io.BytesIO()
        picture.save(written, kind)
        for _ in range(20):
            data = np.frombuffer(written.getvalue(), np.uint8).copy()
            hit = generator.integers(0, min(len(data), 300), 8)
            data[hit] = generator.integers(0, 256, 8)
            try:
                assert read_image(data.tobytes()).shape[0] == 3
            except ImageError as error:
                failures.append(str(error))
    assert len(failures) > 20
    assert all(text.startswith("the encoded picture ") for text in failures)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_does_not_cost_the_picture(kind: str) -> None:
    picture = Image.new("RGB", (12, 10), "red")
    whole = picture.getexif()
    whole[0x0112], whole[0x010E] = 6, "words"
    whole.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    generator = np.random.default_rng(0)
    for _ in range(30):
        damaged = np.frombuffer(whole.tobytes(), np.uint8).copy()
        hit = generator.integers(6, len(damaged), 6)
        damaged[hit] = generator.integers(0, 256, 6)
        written = io.BytesIO()
        picture.save(written, kind, exif=damaged[: generator.integers(8, len(damaged))].tobytes())
        assert read_image(written.getvalue()).shape in ((3, 10, 12), (3, 12, 10))


def test_a_tiff_is_turned_once_or_not_at_all_and_bad_pointers_do_no_harm() -> None:
    picture = Image.new("RGB", (12, 10), "red")
    for tags, turned in (({274: 6}, True), ({0x8769: 10**9}, False), ({0x8825: 3}, False)):
        for compression in ("raw", "tiff_lzw"):
            directory = TiffImagePlugin.ImageFileDirectory_v2()
            for tag, value in tags.items():
                directory[tag] = value
            written = io.BytesIO()
            picture.save(written, "TIFF", tiffinfo=directory, compression=compression)
            upright = (3, 12, 10) if turned else (3, 10, 12)
            assert read_image(written).shape == upright
            assert read_image(written, turn=False).shape == (3, 10, 12)
            if turned:
                assert read_image(Image.open(written)).shape == upright


def test_bombs_are_refused_with_the_numbers_and_large_pictures_read_without_a_word() -> None:
    script = """if True:
        import io, sys
        from PIL import Image
        from zeroseg.images import read_image
        Image.MAX_IMAGE_PIXELS = 10_000  # as if the pictures below were of 150 and 250 megapixels
        for side in (120, 160):
            file = io.BytesIO()
            Image.new("L", (side, side)).save(file, "PNG")
            try:
                print(tuple(read_image(file).shape))
            except Exception as error:
                print(type(error).__name__, error)
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    large, bomb = done.stdout.splitlines()
    assert large == "(3, 120, 120)"
    assert bomb.startswith("ImageError") and "25600 pixels" in bomb and "20000" in bomb
    assert "MAX_IMAGE_PIXELS" in bomb
    assert done.stderr == ""


def test_a_programme_is_never_run_for_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "a.eps"
    Image.fromarray(RED).save(picture)
    with pytest.raises(ImageError, match="not a picture"):
        read_image(picture)


def test_heic_is_read_with_pillow_heif_and_asked_for_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), "red")).save(tmp_path / "a.heic", quality=95)
    (tmp_path / "renamed.jpg").write_bytes((tmp_path / "a.heic").read_bytes())
    for name in ("a.heic", "renamed.jpg"):
        assert read_image(tmp_path / name)[:, 24, 32].tolist() == pytest.approx([255, 0, 0], abs=9)
    monkeypatch.delitem(Image.OPEN, "HEIF")
    monkeypatch.setattr(Image, "ID", [kind for kind in Image.ID if kind != "HEIF"])
    with pytest.raises(ImageError, match=r"zeroseg\[heif\]"):
        read_image(tmp_path / "renamed.jpg")


def test_colours_of_sixteen_bits_are_read_by_their_higher_half_or_not_at_all() -> None:
    # Pillow writes no such files, and of those it reads it gives the higher 8 bits of each colour.
    def png(values: np.ndarray) -> bytes:
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
        head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, 2, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c))
            for k, c in chunks
        )

    ramp = np.linspace(0, 65535, 360).reshape(10, 12, 3).astype(np.uint16)
    assert close(read_image(png(ramp)), ramp // 256)
    for source in (png(ramp // 16), Image.open(io.BytesIO(png(ramp // 16)))):
        with pytest.raises(ImageError, match="save it with 8 bits"):
            read_image(source)
