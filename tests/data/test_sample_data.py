"""What all data sets share."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from zeroseg.data.sample import Truth
from zeroseg.data.sample_data import Idle, SampleData, Samples
from zeroseg.errors import ImageError
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["background", "dog"])


class Breaking(Samples):
    """Two samples whose readers raise what they are given."""

    def __init__(self, image: Exception | None = None, truth: Exception | None = None) -> None:
        self.errors = image, truth

    @property
    def names(self) -> Sequence[str]:
        return ["a", "b"]

    def image(self, position: int) -> Tensor:
        if self.errors[0] is not None and position == 0:
            raise self.errors[0]
        return torch.ones(3, 10, 12, dtype=torch.uint8)

    def truth(self, position: int) -> Truth | None:
        if self.errors[1] is not None and position == 0:
            raise self.errors[1]
        return Truth(torch.ones(10, 12, dtype=torch.int64))


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ImageError("the file 'a' is empty"), "the file 'a' is empty"),
        (RuntimeError("decoder"), "RuntimeError: decoder"),
        (KeyError("size"), "KeyError: 'size'"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_whatever_a_reader_raises_is_the_problem_of_its_sample(
    error: Exception, problem: str
) -> None:
    for samples in (Breaking(image=error), Breaking(truth=error)):
        first, second = samples[0], samples[1]
        assert first.problem == problem
        assert int(first.image.max()) == 0
        assert second.problem is None
    unseen, unknown = Breaking(image=error)[0], Breaking(truth=error)[0]
    assert unseen.target is not None and unseen.image.shape == (3, 10, 12)
    assert unknown.target is None


def test_a_process_without_samples_has_a_batch_without_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zeroseg.data.sample_data._distributed", lambda: True)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 3)
    monkeypatch.setattr("torch.distributed.get_rank", lambda: 2)
    monkeypatch.setattr("torch.distributed.is_available", lambda: True)
    data = SampleData(CLASSES, Breaking(), 2, 0)
    loader = data.test_dataloader()
    assert isinstance(loader, Idle)
    assert len(loader) == 1
    assert list(loader) == [[]]
