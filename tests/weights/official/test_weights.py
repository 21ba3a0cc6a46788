from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import BertConfig, BertModel

from zeroseg.errors import CheckpointError, CheckpointNotFound
from zeroseg.weights.official.weights import is_authors_file, load_strictly, read_weights


@pytest.mark.parametrize(
    ("checkpoint", "published"),
    [
        ("sam_vit_b_01ec64.pth", True),
        (Path("folder/weights.pt"), True),
        ("IDEA-Research/grounding-dino-tiny", False),
        ("tiny:sam", False),
        (Path("folder"), False),
    ],
)
def test_files_are_told_from_hub_names(checkpoint: str | Path, published: bool) -> None:
    assert is_authors_file(checkpoint) == published


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_wrappings_are_taken_off(tmp_path: Path, wrapped: bool, prefix: str) -> None:
    tensors = {f"{prefix}a.weight": torch.arange(6.0).view(2, 3), f"{prefix}b": torch.tensor(1)}
    torch.save({"model": tensors, "epoch": 3} if wrapped else tensors, tmp_path / "x.pth")
    read = read_weights(tmp_path / "x.pth", "Part")
    assert set(read) == {"a.weight", "b"}
    assert torch.equal(read["a.weight"], torch.arange(6.0).view(2, 3))


class Anything:
    """More than a tensor."""


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"not a checkpoint", "no checkpoint of torch.save"),
        ({"model": {"a": Anything()}}, "more than tensors"),
        ({"model": {"a": torch.zeros(1), "note": "text"}}, "does not hold tensors by name"),
        ([torch.zeros(1)], "does not hold tensors by name"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: Any, complaint: str) -> None:
    file = tmp_path / "x.pth"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    with pytest.raises(CheckpointError, match=complaint):
        read_weights(file, "Part")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    torch.save({"a": torch.zeros(2000)}, file)
    file.write_bytes(file.read_bytes()[:-900])
    with pytest.raises(CheckpointError, match="damaged"):
        read_weights(file, "Part")


def test_no_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match="Part needs the checkpoint"):
        read_weights(tmp_path / "x.pth", "Part")
    with pytest.raises(CheckpointNotFound):
        read_weights(tmp_path, "Part")


CONFIG = BertConfig(
    vocab_size=8, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4
)


def weights() -> dict[str, Tensor]:
    state = BertModel(CONFIG).state_dict()
    return {key: torch.full(value.shape, i / 10) for i, (key, value) in enumerate(state.items())}


def test_every_weight_is_where_its_name_says() -> None:
    given = weights()
    model = load_strictly(BertModel, CONFIG, given, {})
    assert not model.training
    assert {key: value.mean().item() for key, value in model.state_dict().items()} == (
        pytest.approx({key: value.mean().item() for key, value in given.items()})
    )


def test_what_does_not_fit_is_named_as_published() -> None:
    given = weights()
    del given["pooler.dense.bias"]
    given["pooler.dense.weight"] = torch.zeros(4, 5)
    given["extra"] = torch.zeros(1)
    origins = {"pooler.dense.weight": "head.weight", "extra": "head.extra"}
    with pytest.raises(CheckpointError) as caught:
        load_strictly(BertModel, CONFIG, given, origins)
    assert str(caught.value) == (
        "the weights do not fit the network (missing: pooler.dense.bias; shape of head.weight: "
        "(4, 5), expected (4, 4); unexpected: head.extra): fetch them again, or choose those of "
        "this network"
    )
