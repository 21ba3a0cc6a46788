"""The tagger around the network: pieces, preprocessing, thresholds, origin of its lists."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from zeroseg.errors import CheckpointError, CheckpointNotFound
from zeroseg.recognition.ram_plus import RamPlus, quarters
from zeroseg.testing import TaggerContract, noise
from zeroseg.weights.authors_file import AuthorsFile
from zeroseg.weights.official import ram_plus_files
from zeroseg.weights.official.ram_plus_model import RamPlusConfig, RamPlusModel

NAMES = ("cat", "dog", "potted plant", "sky")
CONFIG = RamPlusConfig(
    image_size=32,
    patch_size=4,
    embed_dim=8,
    depths=(2, 1),
    num_heads=(1, 2),
    window_size=4,
    num_tags=len(NAMES),
    descriptions_per_tag=3,
    text_dim=8,
    decoder_dim=8,
    decoder_heads=2,
    decoder_ffn_dim=8,
)


def random_model() -> RamPlusModel:
    """A network whose scores differ from tag to tag and from picture to picture."""
    torch.manual_seed(3)
    model = RamPlusModel(CONFIG).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=1.5 / module.in_features**0.5)
    torch.nn.init.normal_(model.label_embed)
    torch.nn.init.normal_(model.fc.weight)
    return model


def tagger(threshold: float = 0.0, tile_size: int | None = 40, batch_size: int = 3) -> RamPlus:
    return RamPlus(
        model=random_model(),
        tag_list=NAMES,
        thresholds=[threshold] * len(NAMES),
        tile_size=tile_size,
        batch_size=batch_size,
    )


def scores(part: RamPlus, image: Tensor) -> Tensor:
    """What a tagger without thresholds says, (tags,)."""
    return torch.tensor([tag.score for tag in part([image])[0]])


class TestRamPlus(TaggerContract):
    def part(self) -> RamPlus:
        return tagger(threshold=0.4)

    def test_the_network_decides_something(self) -> None:
        found = self.part()([noise(40, 40, seed) for seed in range(4)])
        assert len(set(found)) > 1
        assert 0 < sum(map(len, found)) < 4 * len(NAMES)


def marks(pieces: list[Tensor]) -> list[tuple[int, int, int, int]]:
    """Top, left, bottom, right of pieces of `coordinates`, all inclusive."""
    return [(*piece[:, 0, 0].tolist(), *piece[:, -1, -1].tolist()) for piece in pieces]


def coordinates(height: int, width: int) -> Tensor:
    return torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"))


def test_quarters_run_down_the_left_half_first_and_lose_odd_lines() -> None:
    assert marks(quarters(coordinates(7, 9), 8)) == [
        (0, 0, 2, 3),
        (3, 0, 5, 3),
        (0, 4, 2, 7),
        (3, 4, 5, 7),
    ]


@pytest.mark.parametrize(
    ("height", "width", "count", "size"),
    [
        (640, 640, 1, (640, 640)),
        (10, 641, 4, (5, 320)),
        (641, 10, 4, (320, 5)),
        (1024, 2048, 16, (256, 512)),
        (1, 1300, 4, (1, 325)),
    ],
)
def test_quarters_fit(height: int, width: int, count: int, size: tuple[int, int]) -> None:
    pieces = quarters(torch.zeros(3, height, width), 640)
    assert [tuple(piece.shape[1:]) for piece in pieces] == [size] * count


def test_quarters_are_quartered_in_turn() -> None:
    pieces = marks(quarters(coordinates(8, 8), 2))
    assert len(set(pieces)) == 16
    assert pieces[:5] == [(0, 0, 1, 1), (2, 0, 3, 1), (0, 2, 1, 3), (2, 2, 3, 3), (4, 0, 5, 1)]


def test_no_tile_size_is_one_piece() -> None:
    image = torch.zeros(3, 2000, 30)
    assert quarters(image, None) == [image]


def test_a_tag_keeps_its_best_score_over_the_pieces() -> None:
    image = noise(64, 48)
    whole, cut = tagger(tile_size=None), tagger(tile_size=40)
    pieces = [image[:, :32, :24], image[:, 32:, :24], image[:, :32, 24:], image[:, 32:, 24:]]
    best = torch.stack([scores(whole, piece) for piece in pieces]).amax(0)
    torch.testing.assert_close(scores(cut, image), best, rtol=0, atol=1e-5)
    assert not torch.allclose(best, scores(whole, image), atol=1e-3)


def test_pieces_of_all_images_share_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    part, seen = tagger(batch_size=3), []
    forward = part.model.forward
    monkeypatch.setattr(part.model, "forward", lambda x: (seen.append(len(x)), forward(x))[1])
    part([noise(64, 48), noise(20, 20), noise(48, 64)])
    assert seen == [3, 3, 3]


def test_a_threshold_must_be_exceeded() -> None:
    image = noise(30, 30)
    all_scores = scores(tagger(), image).tolist()
    at_score = RamPlus(model=random_model(), tag_list=NAMES, thresholds=all_scores)
    assert at_score([image]) == [()]
    below = [np.nextafter(np.float32(score), np.float32(0)).item() for score in all_scores]
    just_under = RamPlus(model=random_model(), tag_list=NAMES, thresholds=below)
    assert tuple(tag.name for tag in just_under([image])[0]) == NAMES


@pytest.mark.parametrize("size", [(90, 47), (20, 31), (32, 32)], ids=str)
def test_squashing_is_that_of_pil_to_a_grey_level(size: tuple[int, int]) -> None:
    image = noise(*size)
    pil = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((32, 32), Image.BILINEAR)
    ours = tagger()._prepare([image])[0]
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    theirs = torch.from_numpy(np.asarray(pil).copy()).permute(2, 0, 1)
    grey_levels = (ours * std + mean) * 255 - theirs
    assert grey_levels.abs().max() <= 1.01


# -- where the lists come from --------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved checkpoint with its lists."""
    random_model().save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "ram_tag_list.txt").write_text("\n".join(NAMES))
    (tmp_path / "model" / "ram_tag_list_threshold.txt").write_text("0.1\n0.2\n0.3\n0.4\n")
    return tmp_path / "model"


def test_lists_beside_the_checkpoint_are_used(folder: Path) -> None:
    part = RamPlus.from_pretrained(folder)
    assert part.tags == NAMES
    torch.testing.assert_close(part.thresholds, torch.tensor([0.1, 0.2, 0.3, 0.4]))
    image = noise(30, 30)
    kept = [tag.name for tag in part([image])[0]]
    passing = scores(tagger(), image) > part.thresholds
    assert kept == [name for name, passed in zip(NAMES, passing, strict=True) if passed]


@pytest.mark.parametrize("given", ["folder", "file"])
def test_authors_file_is_read_with_the_lists_beside_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    file = folder / "ram_plus_swin_large_14m.pth"
    torch.save({"model": random_model().official_state_dict()}, file)
    (folder / "config.json").unlink()
    monkeypatch.setattr(RamPlusConfig, "swin_large", lambda: CONFIG)
    part = RamPlus.from_pretrained(folder if given == "folder" else file, thresholds=[0.0] * 4)
    assert part.tags == NAMES
    image = noise(30, 30)
    assert torch.equal(scores(part, image), scores(tagger(), image))


def test_given_lists_win(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("a\nb\nc\nd")
    part = RamPlus.from_pretrained(folder, tag_list=other, thresholds=[0.5, 0.5, 0.5, 0.5])
    assert part.tags == ("a", "b", "c", "d")
    assert part.thresholds.tolist() == [0.5] * 4


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"tag_list": ["a", "b"]}, "2 entries for a network of 4 tags"),
        ({"tag_list": ["a", "b", "c", "a"]}, "a tag twice"),
        ({"thresholds": [0.5, 0.5, 0.5, 1.5]}, r"not in \[0, 1\]"),
        ({"thresholds": ["high"] * 4}, "not a number"),
        ({"thresholds": "nowhere.txt"}, "nowhere.txt cannot be read"),
    ],
    ids=["count", "twice", "range", "word", "file"],
)
def test_lists_that_do_not_fit_are_refused(
    folder: Path, lists: dict[str, object], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        RamPlus.from_pretrained(folder, **lists)


def test_a_network_of_its_own_size_does_not_get_the_published_lists(tmp_path: Path) -> None:
    random_model().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"needs its own ram_tag_list\.txt"):
        RamPlus.from_pretrained(tmp_path)


def test_a_checkpoint_out_of_reach_says_so() -> None:
    with pytest.raises(CheckpointNotFound, match="RamPlus needs the checkpoint 'no/such/folder'"):
        RamPlus.from_pretrained("no/such/folder")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """A web site on this machine that knows one file; `asked` are the paths asked for."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            found = self.path == "/ram_tag_list.txt"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write("\n".join(NAMES).encode() if found else b"nothing here")

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = asked  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def published(site: ThreadingHTTPServer, name: str = "ram_tag_list.txt") -> AuthorsFile:
    address = f"http://127.0.0.1:{site.server_port}/{name}"
    return AuthorsFile(address, hashlib.sha256("\n".join(NAMES).encode()).hexdigest())


def test_published_lists_are_fetched_once(
    site: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ram_plus_files, "TAG_LIST", published(site))
    monkeypatch.setattr(RamPlusConfig, "num_tags", len(NAMES))
    random_model().save_pretrained(tmp_path / "network")
    for _ in range(2):
        part = RamPlus.from_pretrained(tmp_path / "network", thresholds=[0.5] * 4)
        assert part.tags == NAMES
    assert site.asked == ["/ram_tag_list.txt"]  # type: ignore[attr-defined]


def test_other_content_is_refused_and_not_kept(site: ThreadingHTTPServer) -> None:
    file = AuthorsFile(published(site).url, "0" * 64)
    with pytest.raises(CheckpointError, match=f"{file.url} sent something else") as caught:
        file.fetch()
    assert str(file.path) in str(caught.value)
    assert not file.path.exists()


def test_a_kept_file_that_changed_is_refused(site: ThreadingHTTPServer) -> None:
    file = published(site)
    file.fetch().write_text("cat")
    with pytest.raises(CheckpointError, match=r"has changed\. Delete it"):
        file.fetch()


def test_a_file_out_of_reach_names_address_place_and_way_out(site: ThreadingHTTPServer) -> None:
    site.shutdown()
    site.server_close()
    for file in (published(site), AuthorsFile("http://127.0.0.1:1/list.txt", "0" * 64)):
        with pytest.raises(CheckpointError) as caught:
            file.fetch()
        message = str(caught.value)
        assert file.url in message
        assert f"copy the file from {file.url} to {file.path}" in message


def test_a_missing_page_is_not_kept(site: ThreadingHTTPServer) -> None:
    file = published(site, "elsewhere.txt")
    with pytest.raises(CheckpointError, match="404"):
        file.fetch()
    assert not file.path.exists()


def test_the_published_lists_are_pinned() -> None:
    for file in (ram_plus_files.TAG_LIST, ram_plus_files.THRESHOLDS):
        assert "/7cb804a8609e9f4b1a50b7f31436d2df40bb9481/" in file.url
        assert len(file.sha256) == 64
