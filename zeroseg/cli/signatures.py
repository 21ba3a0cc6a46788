"""Signatures for `zeroseg calibrate --signatures`: found, written and reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zeroseg.cli import options
from zeroseg.errors import PresetError

if TYPE_CHECKING:
    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.cli.model_options import ModelOptions
    from zeroseg.cli.outlet import Outlet
    from zeroseg.cli.outputs import Picture
    from zeroseg.fusion.signature_effect import SignatureEffect
    from zeroseg.fusion.signatures import Signatures
    from zeroseg.segmenter import ZeroShotSegmenter
    from zeroseg.vocabulary import Vocabulary

_SHOWN = 10
"""Confusions that are told."""


def find(
    model: ModelOptions,
    config: Mapping[str, Any],
    vocabulary: Vocabulary,
    pictures: Sequence[Picture],
    output: str,
    outlet: Outlet,
) -> int:
    """Find the signatures of a list of classes, write them, and say what they change.

    Returns:
        How many of the pictures could be segmented.

    Raises:
        PresetError: The system has no dense scores, or its fusion takes no signatures.
        CalibrationError: The pictures are too few.
    """
    from zeroseg.fusion.score_source import sources
    from zeroseg.fusion.signature_pool import SignaturePool

    built = model.segmenter({**config, "fusion": _plain(config.get("fusion"))}, vocabulary)
    segmenter = _dense(built, model.model)
    try:
        pool = SignaturePool(segmenter.fusion)
    except (TypeError, ValueError) as error:
        raise PresetError(f"{model.model}: {error}") from error
    segmenter.fusion = pool
    seen = _look(segmenter, pictures, outlet)
    source = sources(segmenter.detector, segmenter.dense_scorer, pool.fusion)
    found = pool.signatures(segmenter.vocabulary, source)
    found.to_yaml(output)
    for name, areas in seen.items():
        outlet.picture(name, classes=areas)
    _print(found, pool.effect(found, segmenter.vocabulary), segmenter.vocabulary)
    print(f"signatures in {output}")
    return len(seen)


def _plain(entry: Any) -> Any:
    """A fusion's entry of a configuration without signatures: these are about to be found."""
    held = isinstance(entry, dict) and str(entry.get("class_path")).endswith("SignatureFusion")
    if not held:
        return entry
    usual = {"class_path": "zeroseg.fusion.ThingsAndStuff"}
    return (entry.get("init_args") or {}).get("fusion") or usual


def _dense(system: BaseSegmenter, name: str) -> ZeroShotSegmenter:
    """A system with dense scores.

    Raises:
        PresetError: It has none.
    """
    from zeroseg.evaluation.oracle import has_dense_scores
    from zeroseg.segmenter import ZeroShotSegmenter

    if not isinstance(system, ZeroShotSegmenter) or not has_dense_scores(system):
        raise PresetError(
            f"{name} has no dense scores to find signatures from; name a model with a detector "
            f"that gives them, such as Sam3, or with a dense scorer"
        )
    return system


def _look(
    segmenter: ZeroShotSegmenter, pictures: Sequence[Picture], outlet: Outlet
) -> dict[str, dict[str, float]]:
    """Segment the pictures; the areas of classes in those that could be."""
    from zeroseg.cli.outputs import printable
    from zeroseg.cli.report import Terminal, progress
    from zeroseg.values import Failure

    done = {}
    with progress(Terminal(stderr=True)) as bar:
        task = bar.add_task("looking", total=len(pictures))
        results = segmenter.stream(picture.source for picture in pictures)
        for picture, result in zip(pictures, results, strict=True):
            name = printable(picture.source)
            if isinstance(result, Failure):
                outlet.failed(f"{name}: {result.message}")
                outlet.picture(name, result)
            else:
                done[name] = result.areas
            bar.advance(task)
    return done


def _print(found: Signatures, effect: SignatureEffect, vocabulary: Vocabulary) -> None:
    """A row a class, what changes, and what to look at."""
    from rich.table import Table

    from zeroseg.cli.report import Terminal, percent, plain

    table = Table("class", title=f"{found.pictures} pictures", title_justify="left")
    for title in ("wins %", "with signatures %"):
        table.add_column(title, justify="right")
    table.add_column("scores beside it, where it wins", overflow="fold")
    for index in vocabulary.classes:
        shares = (effect.before[index], effect.after[index])
        counts = (percent(own / effect.places) for own in shares)
        table.add_row(plain(vocabulary.names[index]), *counts, _beside(found, index, vocabulary))
    Terminal().print(table)
    for line in _sentences(found, effect, vocabulary):
        print(line)


def _beside(found: Signatures, index: int, vocabulary: Vocabulary) -> str:
    """The two classes that most often score where another one wins."""
    ranked = found.usual[index].topk(min(3, len(vocabulary)))
    pairs = zip(ranked.values.tolist(), ranked.indices.tolist(), strict=True)
    others = [f"{vocabulary.names[i]} {score:.2f}" for score, i in pairs if i != index and score]
    return ", ".join(others[:2])


def _sentences(found: Signatures, effect: SignatureEffect, vocabulary: Vocabulary) -> list[str]:
    names, background = vocabulary.names, vocabulary.background
    said = [
        f"{effect.changed:.2%} of the places change their class: at most as many become wrong, or "
        f"right; {effect.unsteady / max(effect.places, 1):.2%} depend on which half of the "
        f"pictures signatures are from"
    ]
    said += [
        f"  {names[old]} -> {names[new]}: {count / effect.places:.2%}"
        for (old, new), count in effect.changes.most_common(_SHOWN)
    ]
    if found.background is not None:
        before, after = (own[background] / effect.places for own in (effect.before, effect.after))
        said.append(f"left to the background: {before:.2%} before, {after:.2%} with signatures")
    never = [names[i] for i in vocabulary.classes if not found.places[i]]
    seldom = [names[i] for i in vocabulary.classes if found.places[i] and not found.known[i]]
    if never:
        said.append(f"never wins, so that nothing is known of it: {', '.join(never)}")
    if seldom:
        said.append(
            f"wins at fewer than {found.fewest} places, so that its pixels stay as they are: "
            f"{options.listed(seldom)}"
        )
    return said
