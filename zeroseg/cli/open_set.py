"""Systems that are told no classes: what of a configuration then has a part, and what has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zeroseg.cli import options
from zeroseg.errors import CalibrationError, ZerosegError

if TYPE_CHECKING:
    from zeroseg.cli.model_options import ModelOptions
    from zeroseg.cli.outputs import Plan
    from zeroseg.segmenter import ZeroShotSegmenter

_FINDS = {"class_path": "zeroseg.refinement.seen_things.SeenThings"}
_NAMES = {"class_path": "zeroseg.refinement.lexical_post_refiner.LexicalPostRefiner"}
_NO_MASKS = {"class_path": "zeroseg.masking.detector_masks.DetectorMasks"}
_LEFT_OUT = ("post_refiner", "verifier", "dense_scorer", "reviewer", "fusion")


def for_describing(config: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A configuration of tagger, captioner and detector alone: nothing else is loaded or asked.

    Args:
        config: Arguments of a segmenter.
        model: How it was named, for messages.

    Raises:
        ZerosegError: It has neither tagger nor captioner.
    """
    if not (config.get("tagger") or config.get("captioner")):
        raise ZerosegError(_without("neither tagger nor captioner", model))
    others = {"pre_refiner": _FINDS, "mask_predictor": _NO_MASKS, **dict.fromkeys(_LEFT_OUT)}
    return {"vocabulary": "drawn", **config, **others}


def for_what_is_seen(config: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A configuration that looks for what its tags name; no language model chooses among them.

    Raises:
        ZerosegError: It has no tagger.
    """
    if not config.get("tagger"):
        raise ZerosegError(_without("no tagger", model))
    others = {"pre_refiner": _FINDS, "post_refiner": _NAMES}
    return {"vocabulary": "drawn", **config, **others}


def built(model: ModelOptions, config: Mapping[str, Any]) -> ZeroShotSegmenter:
    """Build the segmenter of one of these configurations.

    Raises:
        ZerosegError: It is of another kind, or see `ModelOptions.segmenter`.
    """
    from zeroseg.segmenter import ZeroShotSegmenter

    made = model.segmenter(dict(config), None)
    if not isinstance(made, ZeroShotSegmenter):
        raise ZerosegError(
            f"{type(made).__name__} cannot say what is in a picture; take tiny or large"
        )
    return made


def _without(lacking: str, model: str) -> str:
    checkpoint = ', init_args: {checkpoint: "tiny:ram_plus"}' if model.startswith("tiny") else ""
    return (
        f"{model} has {lacking}, so it cannot say what is in a picture; take one that has, such as "
        f"tiny or large, or give it one: --set 'tagger={{class_path: zeroseg.recognition.RamPlus"
        f"{checkpoint}}}'"
    )


def of_what_is_seen(segmenter: ZeroShotSegmenter, planned: Plan) -> ZeroShotSegmenter:
    """The same system, whose classes are what its tags name in all of the pictures; says which.

    Pictures that fail are passed over: they fail again, and are told of, when they are segmented.

    Raises:
        ZerosegError: All of them fail.
        VocabularyError: The tags name nothing.
        CalibrationError: The system's verifier knows no such classes.
    """
    from zeroseg.cli.report import Terminal, progress, say
    from zeroseg.values import Description, Failure

    seen: list[Description] = []
    failed: list[Failure] = []
    with progress(Terminal(stderr=True)) as bar:
        task = bar.add_task("looking at what is there", total=len(planned.pictures))
        sources = (picture.source for picture in planned.pictures)
        for result in segmenter.describe_stream(sources, captions=False, boxes=False):
            if isinstance(result, Failure):
                failed.append(result)
            else:
                seen.append(result.description)
            bar.advance(task)
    if failed and not seen:
        raise ZerosegError(f"no picture can be looked at; {failed[0].name}: {failed[0].message}")
    made = segmenter.of_what_is_seen(seen)
    if made.verifier is not None:
        try:
            made.verifier.require(made.vocabulary)
        except CalibrationError as error:
            raise CalibrationError(f"{error}, or leave it out: --set verifier=null") from error
    names = [made.vocabulary.names[index] for index in made.vocabulary.classes]
    say(Terminal(), f"classes, as seen in {len(seen)} pictures: {options.listed(names, 30)}")
    return made
