"""Seeded damage to the bytes of a file, of the kinds that disks, transfers and attackers do."""

from __future__ import annotations

import random
from collections.abc import Callable

Mutation = Callable[[bytes, random.Random], bytes]

_EXTREMES = tuple(bytes.fromhex(text) for text in ("00000000", "ffffffff", "7fffffff", "80000000"))
_TEXT = (
    *(b"../../secret", b"/etc/passwd", b"\x1b[31m", b"NaN", b"-1", b"1e999", b"9" * 20),
    *(b"{", b"}", b"[" * 64, b'"', b"'", b"\n", b"\r\n", b"\x00", b"\xef\xbb\xbf", b"\xff\xfe"),
    *(b"&a ", b"*a", b"<<: *a", b"!!python/object/apply:os.system [true]", b"null", b"true"),
)
_DIGITS = (b"-7", b"1e9", b"9" * 12, b"0.5", b"x")


def mutate(content: bytes, dice: random.Random) -> bytes:
    """One to four mutations in a row."""
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        content = dice.choice(MUTATIONS)(content, dice)
    return content


def _spot(content: bytes, dice: random.Random) -> int:
    """A place in the content, half of the time near its beginning, where formats say most."""
    end = len(content) if dice.random() < 0.5 else min(len(content), 128)
    return dice.randrange(end + 1)


def flip_bits(content: bytes, dice: random.Random) -> bytes:
    """Flip up to eight bits."""
    changed = bytearray(content)
    for _ in range(dice.randint(1, 8)):
        spot = _spot(content, dice)
        if spot < len(changed):
            changed[spot] ^= 1 << dice.randrange(8)
    return bytes(changed)


def cut(content: bytes, dice: random.Random) -> bytes:
    """Lose the end."""
    return content[: _spot(content, dice)]


def behead(content: bytes, dice: random.Random) -> bytes:
    """Lose the beginning."""
    return content[_spot(content, dice) :]


def zero(content: bytes, dice: random.Random) -> bytes:
    """A stretch of zeros, as a disk leaves it."""
    spot = _spot(content, dice)
    length = min(len(content) - spot, dice.choice((1, 16, 512, 4096)))
    return content[:spot] + bytes(length) + content[spot + length :]


def extreme(content: bytes, dice: random.Random) -> bytes:
    """An extreme number in place of four bytes."""
    spot = _spot(content, dice)
    return content[:spot] + dice.choice(_EXTREMES) + content[spot + 4 :]


def insert(content: bytes, dice: random.Random) -> bytes:
    """Words of other formats, or noise, in the middle."""
    spot = _spot(content, dice)
    what = dice.choice(_TEXT) if dice.random() < 0.7 else dice.randbytes(dice.randint(1, 64))
    return content[:spot] + what + content[spot:]


def repeat(content: bytes, dice: random.Random) -> bytes:
    """A stretch twice, or many times."""
    start = _spot(content, dice)
    part = content[start : start + dice.randint(1, 64)]
    return content[:start] + part * dice.choice((2, 3, 50)) + content[start + len(part) :]


def number(content: bytes, dice: random.Random) -> bytes:
    """Another digit for one of the digits of a text."""
    places = [i for i, byte in enumerate(content[:4096]) if chr(byte).isdigit()]
    if not places:
        return flip_bits(content, dice)
    spot = dice.choice(places)
    return (
        content[:spot] + dice.choice((b"-7", b"1e9", b"9" * 12, b"0.5", b"x")) + content[spot + 1 :]
    )


def swap(content: bytes, dice: random.Random) -> bytes:
    """Two halves in the other order."""
    spot = _spot(content, dice)
    return content[spot:] + content[:spot]


MUTATIONS: tuple[Mutation, ...] = (
    *(flip_bits, flip_bits, cut, behead, zero, extreme, insert, insert, repeat, number, swap),
)
