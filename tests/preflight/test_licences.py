"""Licences: what is said of them, and that nothing passes of which nothing is known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.hub.server import Hub, Repository
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.errors import PresetError
from zeroseg.preflight import examine, require
from zeroseg.preflight.bundle import Bundle
from zeroseg.preflight.known import OURS, known, known_names
from zeroseg.preflight.licences import CARD, card_licence
from zeroseg.preflight.policies import permits
from zeroseg.presets import load_preset, load_yaml

FILES = {"config.json": b"{}", "preprocessor_config.json": b"{}", "model.safetensors": b"w" * 99}
SAM3 = "facebook/sam3"


def config(checkpoint: str | Path) -> dict[str, Any]:
    init_args = {"checkpoint": str(checkpoint)}
    masks = {"class_path": "zeroseg.masking.sam.Sam", "init_args": init_args}
    return {"vocabulary": ["dog"], "mask_predictor": masks}


def said(checkpoint: str | Path) -> tuple[str, str]:
    findings = examine(config(checkpoint), licence="permissive").findings
    [finding] = [finding for finding in findings if finding.topic == "licence"]
    return finding.state, finding.says


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("apache-2.0", True), ("Apache-2.0", True), ("mit", True), ("bsd-3-clause", True),
        ("bsd-2-clause", True), ("SAM License", False), ("cc-by-4.0", False), ("llama3", False),
        ("agpl-3.0", False), ("mit-0 with conditions", False), ("other", False), ("", False),
        (None, False),
    ],
)  # fmt: skip
def test_what_permissive_means(licence: str | None, allowed: bool) -> None:
    assert permits("permissive", licence) == allowed


@pytest.mark.parametrize(
    ("card", "state", "says"),
    [
        ("mit", "ok", "mit is permissive"),
        ("cc-by-nc-4.0", "problem", "its licence (cc-by-nc-4.0 by its card at the hub) is not"),
        (None, "problem", "its licence is not known, neither from its card at the hub nor from"),
    ],
)
def test_the_hub_says_what_the_table_does_not(
    card: str | None, state: str, says: str, hub: Hub
) -> None:
    hub.repositories["somebody/sam"] = Repository(FILES, licence=card)
    found = said("somebody/sam")
    assert found[0] == state and says in found[1]
    if state == "problem":
        assert "permissive are apache-2.0, mit, bsd-*" in found[1]
    assert not hub.downloads()


def test_a_card_that_says_otherwise_does_not_make_the_table_wrong(hub: Hub) -> None:
    hub.repositories[SAM3] = Repository(FILES, licence="mit")
    assert said(SAM3)[0] == "problem"
    hub.repositories["facebook/sam-vit-huge"] = Repository(FILES, licence="cc-by-nc-4.0")
    state, says = said("facebook/sam-vit-huge")
    assert state == "problem" and "(cc-by-nc-4.0 by its card at the hub)" in says


def test_what_is_in_the_cache_and_not_in_the_table_is_asked_for(hub: Hub) -> None:
    hub.repositories["somebody/sam"] = Repository(FILES, licence="mit")
    bundle = Bundle.of(config("somebody/sam"), None)
    bundle.fetch(bundle.checkpoints[0])
    assert examine(config("somebody/sam")).checkpoints[0].held.whole
    assert said("somebody/sam") == ("ok", "mit is permissive")
    del hub.repositories["somebody/sam"]
    assert said("somebody/sam")[0] == "problem"


def test_a_folder_of_ones_own_says_its_licence_in_its_card(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    state, says = said(tmp_path)
    assert state == "problem" and f"say so in {tmp_path / CARD}" in says
    written = re.findall(r"a line `?([^`,]+)`?", says)
    (tmp_path / CARD).write_text("\n".join(written) + "\n")  # as the message asks for
    assert said(tmp_path) == ("ok", "apache-2.0 is permissive")
    (tmp_path / CARD).write_text("---\nlicense: other\nlicense_name: sam-license\n---\n")
    state, says = said(tmp_path)
    assert state == "problem" and f"(sam-license by its {CARD})" in says


@pytest.mark.parametrize(
    "card", ["", "# SAM\nlicense: mit\n", "---\nlicense: [mit\n---\n", "---\n- mit\n---\n",
             "---\nlicense: [mit, gpl]\n---\n", "---\nlicense:\n---\n", "---\nlicense: mit\n"],
)  # fmt: skip
def test_a_card_without_a_licence_says_nothing(card: str, tmp_path: Path) -> None:
    (tmp_path / CARD).write_text(card)
    assert card_licence(tmp_path) is None


def test_the_packages_own_weights_are_under_its_licence() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'license = "{OURS}"' in text.lower()
    assert said("tiny:sam") == ("ok", f"{OURS} is permissive")
    assert require(examine(config("tiny:sam"), licence="permissive")) == config("tiny:sam")


def test_a_fetched_folder_keeps_the_licence_of_what_is_in_it(tmp_path: Path, hub: Hub) -> None:
    hub.repositories["somebody/sam"] = Repository(FILES, licence="mit")
    bundle = Bundle.of(config("somebody/sam"), tmp_path)
    bundle.fetch(bundle.checkpoints[0])
    written = load_yaml(bundle.write("mine"))
    del hub.repositories["somebody/sam"]
    examination = examine(written, licence="permissive")
    assert not examination.problems
    assert f"{hub.address}/somebody/sam, commit" in (tmp_path / "sam" / CARD).read_text()


def test_licences_are_refused_before_all_else_is_said_to_be_missing(hub: Hub) -> None:
    with pytest.raises(PresetError, match="refused for its licence") as caught:
        BaseSegmenter.from_preset("sam3", licence="permissive")
    message = str(caught.value)
    assert "detector: checkpoint 'facebook/sam3': its licence (SAM License" in message
    assert "missing here" not in message
    assert not hub.downloads()
    with pytest.raises(PresetError, match="missing here"):
        BaseSegmenter.from_preset("sam3")


def test_a_policy_that_there_is_not() -> None:
    with pytest.raises(PresetError, match="licence is 'free', expected 'permissive', or None"):
        BaseSegmenter.from_preset("tiny", licence="free")


def test_presets_without_unknown_or_own_licences_are_permissive() -> None:
    def passes(name: str) -> bool:
        return all(
            permits("permissive", known(checkpoint).licence)
            for checkpoint in named(load_preset(name))
        )

    assert [name for name in ("large", "open", "paper", "sam3", "ssa-clip") if passes(name)] == [
        "large", "open", "paper",
    ]  # fmt: skip


def named(value: Any) -> list[str]:
    """The checkpoints of a configuration."""
    if not isinstance(value, dict):
        return []
    own = [value["checkpoint"]] if "checkpoint" in value else []
    return [*own, *(name for part in value.values() for name in named(part))]


def test_everything_known_has_a_source_and_a_word_on_its_gate() -> None:
    names = known_names()
    assert len(names) == len(set(names)) > 20
    assert all(known(name).source and known(name).gated is not None for name in names)
    sam = known("tiny:sam")  # its card says 1.55 M parameters in 3.1 MB
    assert (round((sam.parameters or 0) / 1e6, 2), round((sam.bytes or 0) / 1e6, 1)) == (1.55, 3.1)
