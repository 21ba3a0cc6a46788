"""Answers outlive the process, and no file on disk can do harm."""

from __future__ import annotations

import os
import pickle
import sqlite3
import stat
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zeroseg.chat.answer_cache import SMALLEST, AnswerCache, default_folder


@pytest.fixture(autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    """What is expected to warn says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def file_of(folder: Path) -> Path:
    return folder / "answers" / "cache.db"


def set_aside(folder: Path) -> list[Path]:
    return sorted(folder.glob("answers.damaged-*"))


def filled(folder: Path, count: int = 200) -> AnswerCache:
    cache = AnswerCache(folder)
    for i in range(count):
        cache[f"key {i}"] = f"answer {i} " + "x" * 100
    return cache


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_it_is_a_mapping_that_lasts(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    assert len(cache) == 0 and "dog" not in cache
    with pytest.raises(KeyError):
        cache["dog"]
    cache["dog"], cache["kitty"], cache["rock"] = "dog", "Kätzchen \u2028 {}", ""
    cache["dog"] = "a dog"
    again = AnswerCache(tmp_path)
    assert dict(again) == {"dog": "a dog", "kitty": "Kätzchen \u2028 {}", "rock": ""}
    del again["dog"]
    assert "dog" not in cache and len(cache) == 2
    with pytest.raises(KeyError):
        del cache["dog"]


@pytest.mark.parametrize("value", [b"bytes", 7, None, ["dog"], {"a": 1}])
def test_only_text_is_kept(tmp_path: Path, value: object) -> None:
    cache = AnswerCache(tmp_path)
    with pytest.raises(TypeError, match="only text"):
        cache["key"] = value  # type: ignore[assignment]
    with pytest.raises(TypeError, match="only text"):
        cache[value] = "dog"  # type: ignore[index]
    assert len(cache) == 0


def test_long_answers_lie_in_the_one_file(tmp_path: Path) -> None:
    AnswerCache(tmp_path)["key"] = "long " * 100_000
    assert len(AnswerCache(tmp_path)["key"]) == 500_000
    names = {path.name for path in (tmp_path / "answers").rglob("*") if path.is_file()}
    assert names <= {"cache.db", "cache.db-wal", "cache.db-shm"}


@pytest.mark.skipif(os.name != "posix", reason="folders have no such rights elsewhere")
def test_only_this_user_can_read_it(tmp_path: Path) -> None:
    AnswerCache(tmp_path)
    assert stat.S_IMODE((tmp_path / "answers").stat().st_mode) == 0o700


def plant(folder: Path, mode: int, value: object, filename: str | None = None) -> None:
    """Put something else than text under "key", as somebody with another program could."""
    AnswerCache(folder)["key"] = "dog"
    with sqlite3.connect(file_of(folder)) as database:
        update = "UPDATE Cache SET mode = ?, value = ?, filename = ? WHERE key = 'key'"
        database.execute(update, (mode, value, filename))
    database.close()


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    struck = tmp_path / "struck"
    pickled = pickle.dumps(Bomb(struck))
    for number, mode in enumerate((1, 2, 3, 4)):
        folder = tmp_path / str(number)
        plant(folder, mode, pickled)
        cache = AnswerCache(folder)
        with pytest.warns(UserWarning, match="something else than text"):
            assert cache.get("key") is None
        assert len(set_aside(folder)) == 1
        cache["key"] = "cat"
        assert cache["key"] == "cat"
    assert not struck.exists()
    assert pickle.loads(pickled) is None and struck.exists()  # the bomb does work


def test_a_pickled_key_is_never_opened(tmp_path: Path) -> None:
    plant(tmp_path, 1, "dog")
    with sqlite3.connect(file_of(tmp_path)) as database:
        update = "UPDATE Cache SET raw = 0, key = ?"
        database.execute(update, (pickle.dumps(Bomb(tmp_path / "struck")),))
    database.close()
    with pytest.warns(UserWarning, match="something else than text"):
        assert list(AnswerCache(tmp_path)) == []
    assert not (tmp_path / "struck").exists()


def test_no_other_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("key", encoding="utf-8")
    plant(tmp_path, 3, None, "../secret.txt")
    with pytest.warns(UserWarning, match="something else than text"):
        assert AnswerCache(tmp_path).get("key") is None


def scribble(path: Path) -> None:
    path.write_bytes(b"this is no database" * 500)


def cut_off(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def scribble_inside(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)


def use(folder: Path) -> list[str | None]:
    """Read two old answers and write a new one."""
    cache = AnswerCache(folder)
    found = [cache.get(key) for key in ("key 0", "key 199")]
    cache["new"] = "dog"
    return found


DAMAGE = [scribble, cut_off, scribble_inside]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_set_aside_with_a_warning(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    filled(tmp_path)
    for path in (tmp_path / "answers").glob("cache.db-*"):
        path.unlink()
    damage(file_of(tmp_path))
    broken = file_of(tmp_path).read_bytes()
    with pytest.warns(UserWarning, match="was damaged"):
        found = use(tmp_path)
    assert set(found) <= {None, "answer 0 " + "x" * 100, "answer 199 " + "x" * 100}
    [aside] = set_aside(tmp_path)
    assert (aside / "cache.db").read_bytes()[:4096] == broken[:4096]
    assert AnswerCache(tmp_path)["new"] == "dog"


def test_damage_while_it_is_open_is_mended_for_all_threads(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    scribble(file_of(tmp_path))
    for path in (tmp_path / "answers").glob("cache.db-*"):
        path.unlink()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        threads = [
            threading.Thread(target=lambda i=i: cache.update({f"new {i}": "dog"})) for i in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len([w for w in caught if "damaged" in str(w.message)]) == 1
    assert {f"new {i}" for i in range(4)} <= set(AnswerCache(tmp_path))


def test_an_empty_file_is_a_fresh_one(tmp_path: Path) -> None:
    file_of(tmp_path).parent.mkdir()
    file_of(tmp_path).touch()
    cache = AnswerCache(tmp_path)
    cache["key"] = "dog"
    assert cache["key"] == "dog" and not set_aside(tmp_path)


def test_a_folder_that_vanishes_is_made_again(tmp_path: Path) -> None:
    cache = filled(tmp_path, 3)
    (tmp_path / "answers").rename(tmp_path / "away")
    gone = threading.Thread(target=lambda: cache.update(key="dog"))  # opens the file anew
    gone.start()
    gone.join()
    assert AnswerCache(tmp_path)["key"] == "dog"


def test_where_nothing_can_be_written_a_warning_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match=r"not kept: cannot use .*file"):
        cache = AnswerCache(tmp_path / "file" / "folder")
    cache["key"] = "dog"
    assert cache.get("key") is None and len(cache) == 0 and list(cache) == []


def test_a_file_that_cannot_be_renamed_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, 3)
    scribble(file_of(tmp_path))

    def refuse(*_: object) -> None:
        raise PermissionError("it is in use")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.warns(UserWarning, match=r"not kept.*it is in use"):
        cache = AnswerCache(tmp_path)
    assert cache.get("key 0") is None
    assert file_of(tmp_path).read_bytes().startswith(b"this is no database")


def test_a_full_disk_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = AnswerCache(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("diskcache.Cache.set", full)
    with pytest.warns(UserWarning, match="disk is full"):
        cache["key"] = "dog"
    cache["key"] = "dog"  # no second warning
    assert cache.get("key") is None


def test_the_size_is_bounded_and_what_is_used_stays(tmp_path: Path) -> None:
    limit = 4 * SMALLEST
    cache = AnswerCache(tmp_path, size_limit=limit)
    cache["used"] = "dog"
    for i in range(300):
        cache[f"key {i}"] = f"{i} " + "x" * 4000  # 1.2 MB in all
        assert cache["used"] == "dog"
    assert "key 299" in cache and "key 0" not in cache
    assert 20 < len(cache) < 80
    assert file_of(tmp_path).stat().st_size < 1.5 * limit


@pytest.mark.parametrize("size", [0, -1, SMALLEST - 1])
def test_a_size_that_holds_nothing_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(ValueError, match="size_limit"):
        AnswerCache(tmp_path, size_limit=size)


WRITER = """
import sys
from zeroseg.chat.answer_cache import AnswerCache
cache = AnswerCache(sys.argv[1])
for i in range(150):
    cache[f"{sys.argv[2]} {i}"] = f"answer {i}"
    cache["both"] = sys.argv[2] * 50
    assert cache["both"] in ("a" * 50, "b" * 50)
"""


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    start = [sys.executable, "-W", "error::UserWarning", "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*start, name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    cache = AnswerCache(tmp_path)
    assert len(cache) == 301
    assert all(cache[f"{name} {i}"] == f"answer {i}" for name in "ab" for i in (0, 149))


def test_threads_share_one_object(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    threads = [
        threading.Thread(target=lambda n=n: cache.update({f"{n} {i}": str(i) for i in range(20)}))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cache) == 80


def test_a_copy_is_the_same_store(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path, size_limit=2 * SMALLEST)
    other = pickle.loads(pickle.dumps(cache))
    cache["key"] = "dog"
    assert other["key"] == "dog" and other.size_limit == 2 * SMALLEST


def test_the_default_folder_is_the_user_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZEROSEG_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "zeroseg"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_folder() == tmp_path / "xdg" / "zeroseg"
    monkeypatch.setenv("ZEROSEG_CACHE", str(tmp_path / "own"))
    assert default_folder() == tmp_path / "own"
    assert AnswerCache().folder == tmp_path / "own"
    assert AnswerCache(tmp_path / "given").folder == tmp_path / "given"


def test_what_is_no_text_in_utf_8_is_not_kept(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    cache["dog"] = "half a pair: \ud800"
    cache["half a pair: \ud800"] = "dog"
    assert len(cache) == 0
    cache["dog"] = "dog"
    assert cache["dog"] == "dog"


def test_a_text_in_which_a_bit_has_changed_counts_as_missing(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    cache["seen"], cache["phrase"] = '{"labels": ["dog"]}', "car"
    cache._store.close()  # all of it is in the one file then
    content = file_of(tmp_path).read_bytes()
    assert b'["dog"]' in content
    file_of(tmp_path).write_bytes(content.replace(b'["dog"]', b'["cog"]'))
    again = AnswerCache(tmp_path)
    assert again.get("seen") is None
    assert again["phrase"] == "car"


def test_a_name_of_its_tables_that_is_no_text_is_damage(tmp_path: Path) -> None:
    filled(tmp_path)
    content = file_of(tmp_path).read_bytes()
    assert b"Settings" in content
    content = content.replace(b"Settings", b"Setti\xc9gs").replace(b"TABLE Setti", b"TABLX Setti")
    file_of(tmp_path).write_bytes(content)
    with pytest.warns(UserWarning, match="damaged"):
        cache = AnswerCache(tmp_path)
    cache["dog"] = "a dog"
    assert cache["dog"] == "a dog"
    assert len(set_aside(tmp_path)) == 1
