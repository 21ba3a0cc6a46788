"""Archives on s3:// and gs://, against servers on this machine."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from zeroseg.cli.main import main
from zeroseg.errors import ZerosegError
from zeroseg.result_details import DETAILS
from zeroseg.scale.archive import Folder, list_pictures, reaching, read_all
from zeroseg.scale.batch import BatchRun
from zeroseg.scale.manifest import Summary
from zeroseg.scale.recipe import Recipe

pytestmark = pytest.mark.usefixtures("stores")

Standins = Callable[..., dict[str, Any]]
BOTH = pytest.mark.parametrize("store", ["s3", "gs"])


@pytest.fixture
def bucket(store: str, archive: Path, request: pytest.FixtureRequest) -> str:
    """The URL of a folder that holds the archive's pictures below `photos`, each test its own."""
    url = f"{store}://archive/{request.function.__name__}"
    fs = fsspec.filesystem(store)
    for file in archive.rglob("*.png"):
        fs.pipe_file(f"{url}/photos/{file.relative_to(archive)}", file.read_bytes())
    return url


def files(url: str) -> dict[str, bytes]:
    """Label maps, and what else is kept of pictures, by name."""
    folder = Folder(url)
    places = ("masks", *(own for own in DETAILS if folder.list(own, "")))
    return {name: folder.read(name) or b"" for own in places for name in folder.list(own, "")}


def rows(url: str) -> dict[str, Any]:
    """The manifest by name, without its times, sources and stamps."""
    fs, path = fsspec.core.url_to_fs(f"{url}/manifest")
    found = (
        pq.read_table(path, filesystem=fs).drop_columns(["seconds", "source", "stamp"]).to_pylist()
    )
    assert len({row["name"] for row in found}) == len(found)
    return {row["name"]: row for row in found}


@BOTH
def test_results_are_those_of_folders_and_a_rerun_does_what_is_missing(
    bucket: str, archive: Path, tmp_path: Path, standins: Standins
) -> None:
    recipe = Recipe.of(standins(), details=tuple(DETAILS))
    here = str(tmp_path / "here")
    sum(BatchRun(str(archive), here, recipe, part_size=4).here(), Summary())

    def rerun(**options: Any) -> BatchRun:
        return BatchRun(f"{bucket}/photos", f"{bucket}/out", recipe, part_size=4, **options)

    assert sum(rerun(limit=3).here(), Summary()).done == 3
    assert (rerun().left, sum(rerun().here(), Summary()).done) == (7, 7)
    assert files(f"{bucket}/out") == files(here)
    assert rows(f"{bucket}/out") == rows(here)
    assert rerun().parts == []
    Folder(f"{bucket}/out").remove("masks/1/7.png.png")
    Folder(f"{bucket}/out").remove("instances/0/2.png.json")
    assert sum(rerun().here(), Summary()).done == 2
    assert files(f"{bucket}/out") == files(here)
    assert len(files(here)) == 30
    with pytest.raises(ZerosegError, match=r"another run.*config"):
        BatchRun(f"{bucket}/photos", f"{bucket}/out", Recipe.of(standins(tagger=None)))


@BOTH
def test_globs_single_pictures_and_results_within(bucket: str) -> None:
    fs = fsspec.filesystem(bucket.partition(":")[0])
    fs.pipe_file(f"{bucket}/photos/results/masks/0.png", b"a result")
    within = list_pictures(f"{bucket}/photos", without=f"{bucket}/photos/results").works
    assert [work.name for work in within] == [f"{i // 5}/{i}.png" for i in range(10)]
    assert [w.name for w in list_pictures(f"{bucket}/photos/*/[3-6].png").works] == [
        "0/3.png",
        "0/4.png",
        "1/5.png",
        "1/6.png",
    ]
    [one] = list_pictures(f"{bucket}/photos/0/3.png").works
    assert one.name == "3.png"
    assert read_all([one])[0].data == fs.cat_file(f"{bucket}/photos/0/3.png")


@BOTH
def test_signs_in_names_are_letters(bucket: str) -> None:
    fs = fsspec.filesystem(bucket.partition(":")[0])
    place = f"{bucket}/odd [2019]"
    for name in ("a[1].png", "x::y.png", "._a.png"):
        fs.pipe_file(f"{place}/{name}", name.encode())
    for source in (place, f"{place}/*.png"):
        works = read_all(list_pictures(source).works)
        assert {work.name: work.data for work in works} == {
            "a[1].png": b"a[1].png",
            "x::y.png": b"x::y.png",
        }
    [one] = list_pictures(f"{place}/x::y.png").works
    assert read_all([one])[0].data == b"x::y.png"


@BOTH
def test_a_bucket_that_is_not_there(
    bucket: str, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for source, target, message in [
        (f"{store}://nowhere/x", f"{bucket}/out", f"cannot list '{store}://nowhere/x'"),
        (f"{bucket}/photos", f"{store}://nowhere/x", f"cannot write to '{store}://nowhere/x'"),
    ]:
        assert main(["batch", source, target]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert "there is no bucket 'nowhere'" in said
        assert "credentials are taken from" in said


def test_without_credentials_it_says_where_they_are_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import s3fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()  # of those that have seen credentials
    try:
        with pytest.raises(ZerosegError, match=r"Unable to locate credentials; .*AWS_ACCESS_KEY"):
            list_pictures("s3://archive/photos")
    finally:
        s3fs.S3FileSystem.clear_instance_cache()


def test_errors_of_a_stores_own_kind_say_what_to_do() -> None:
    from gcsfs.retry import HttpError

    refused = HttpError({"code": 401, "message": "Anonymous caller does not have access"})
    with (
        pytest.raises(OSError, match=r"Anonymous caller.*; .*application-default login"),
        reaching(fsspec.filesystem("gs"), "archive/x"),
    ):
        raise refused


@pytest.mark.parametrize(("store", "package"), [("s3", "s3fs"), ("gs", "gcsfs")])
def test_without_the_stores_package_it_says_what_to_install(
    store: str, package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    imported = importlib.import_module("fsspec.registry")._registry
    monkeypatch.delitem(imported, store, raising=False)
    assert main(["batch", f"{store}://archive/photos", "out"]) == 2
    assert f"pip install {package}" in capsys.readouterr().err
