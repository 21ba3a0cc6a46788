"""What the campaign holds against pictures is found."""

from __future__ import annotations

import pytest

from benchmarks.faults.ending import Ending, compare
from benchmarks.faults.row import Row, markdown

WHOLE = [Ending("a", "ok", "", "1"), Ending("b", "ok", "", "2")]


@pytest.mark.parametrize(
    ("endings", "column"),
    [
        (WHOLE[:1], "lost"),
        ([WHOLE[0], Ending("b", "failed", " ")], "lost"),
        ([*WHOLE, WHOLE[0]], "repeated"),
        ([*WHOLE, Ending("c", "ok", "", "3")], "repeated"),
        ([WHOLE[0], Ending("b", "ok", "", "3")], "differing"),
    ],
)
def test_what_may_not_be_is_counted(endings: list[Ending], column: str) -> None:
    row = compare("kind", 1, "ab", endings, WHOLE, 0.5, lasting=True)
    assert getattr(row, column) == 1
    assert not row.holds


def test_a_picture_may_fail_by_what_lasts_alone() -> None:
    failed = [WHOLE[0], Ending("b", "failed", "it broke")]
    assert compare("kind", 1, "ab", failed, WHOLE, 0.5, lasting=True).holds
    assert not compare("kind", 1, "ab", failed, WHOLE, 0.5).holds
    assert compare("kind", 1, "ab", WHOLE, WHOLE, 0.5) == Row("kind", 1, 2, 0, 0, 0, 0, 0, 0.5)


def test_the_table_has_a_sum() -> None:
    row = Row("cut", 3, 2, 0, 1, 0, 0, 0, 1.25)
    assert markdown([row, row]).splitlines()[-1] == "| all | 6 | 4 | 0 | 2 | 0 | 0 | 0 | 2.5 |"
