"""`zeroseg batch`: whole archives of pictures, on this machine or on a cluster."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from zeroseg.cli import model_options, options
from zeroseg.errors import ZerosegError

if TYPE_CHECKING:
    from zeroseg.cli.outlet import Outlet
    from zeroseg.scale.batch import BatchRun
    from zeroseg.scale.dataset import Pool
    from zeroseg.scale.manifest import Summary

PRECISIONS = ("32-true", "bf16-true", "16-true", "bf16-mixed", "16-mixed")

_EXAMPLES = """\
  zeroseg draw --count 100 --output drawn
  zeroseg batch drawn/images results --labels "dog, boat, person"
  zeroseg batch drawn/images results --engine ray --actors recognise=2,masks=2
  zeroseg batch drawn/images results-more --instances --confidence
  zeroseg batch s3://archive/photos s3://results/photos --engine ray --model large \\
      --vocabulary coco81 --num-gpus recognise=0.5,detect=0.2,masks=0.3

what DST holds:
  masks/NAME.png   the label map, indexed, the vocabulary's ids and colours; NAME is the picture's
                   path below SRC
  instances/       with --instances, of each picture the JSON of what was found, with masks
  confidence/      with --confidence, of each a grey picture, white where it is sure
  manifest/        a Parquet data set, a row a picture: status, classes, areas, seconds, tokens,
                   cost, confidence, error
  run.json         what is run: source, classes, model, precision, what is kept; another run is
                   refused

Start a command again to go on where it was ended: only what is missing is done. A picture that
fails is a row with its error; the others go on, and the exit code is 1.

workers of --engine ray:
  The stages are recognise, refine, detect, resolve and masks, each a pool of processes that hold
  its models (and verify and dense where the model has them); a system without stages is one,
  segment. Give more workers to the stage that takes longest; the table of times at the end of a
  run names it.

what to install:
  pip install "zeroseg[ray]" for both engines, "zeroseg[ray,s3]" for s3://, "zeroseg[ray,gs]" for
  gs://. Credentials come from where the cloud's own tools look; AWS_ENDPOINT_URL names a server
  other than Amazon's, such as MinIO."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "batch", "segment an archive of pictures", str(__doc__), _EXAMPLES
    )
    parser.add_argument("source", metavar="SRC", help="folder, picture or glob; a path or a URL")
    parser.add_argument("target", metavar="DST", help="folder to write to; a path or a URL")
    parser.add_argument(
        "--limit", type=options.positive, metavar="N", help="only the first N pictures, by name"
    )
    parser.add_argument(
        "--part-size",
        type=options.positive,
        default=32,
        metavar="N",
        help="pictures that travel together and share a file of the manifest; default 32",
    )
    parser.add_argument(
        "--retry", action="store_true", help="try pictures again that failed in an earlier run"
    )
    options.add_details(parser.add_argument_group("results"))
    engine = parser.add_argument_group("engine")
    engine.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="local: this process (default); ray: the cluster that RAY_ADDRESS names, or a Ray of "
        "this machine",
    )
    engine.add_argument(
        "--actors",
        type=sizes,
        default={},
        metavar="STAGE=N,...",
        help="workers of each stage, such as masks=2; 1 by default",
    )
    engine.add_argument(
        "--num-gpus",
        type=sizes,
        default={},
        metavar="STAGE=X,...",
        help="GPUs that each worker of a stage takes, such as 0.25; 0 by default: CPU",
    )
    options.add_vocabulary(parser, "by default the model's own")
    model_options.add_model(parser).add_argument(
        "--precision",
        default=PRECISIONS[0],
        choices=PRECISIONS,
        help="of the networks, as Lightning calls it: true casts the weights, mixed leaves them "
        "and casts where torch's autocast holds it safe; default 32-true",
    )
    parser.set_defaults(run=run)


def sizes(text: str) -> dict[str, float]:
    """An option's numbers by stage, such as detect=2,masks=4."""
    found: dict[str, float] = {}
    for entry in text.split(","):
        stage, _, number = (word.strip() for word in entry.partition("="))
        try:
            found[stage] = float(number)
        except ValueError:
            found[stage] = -1
        if not stage or not 0 <= found[stage] < 1e6:
            raise ArgumentTypeError(f"'{entry}' is not STAGE=NUMBER, such as masks=2")
    return found


def run(arguments: Namespace) -> int:
    """Segment the archive; see `zeroseg.cli.main.main` for the exit code."""
    model = options.given(model_options.ModelOptions, arguments)
    local = arguments.engine == "local"
    pools = _pools(arguments.actors, arguments.num_gpus, local, model.device)
    config = model.config()
    vocabulary = options.vocabulary(arguments.labels, arguments.vocabulary)
    config = model.ready(config, vocabulary, model.target() if local else None)
    logging.getLogger("gcsfs").setLevel(logging.ERROR)  # without credentials it warns at each call
    from zeroseg.result_details import DETAILS
    from zeroseg.scale.batch import BatchRun
    from zeroseg.scale.dataset import check_pools
    from zeroseg.scale.recipe import Recipe

    answers = model.answers()
    if answers is not None:  # workers may stand elsewhere
        answers = os.path.abspath(answers)
    kept = tuple(name for name in DETAILS if getattr(arguments, name))
    recipe = Recipe.of(config, vocabulary, model.batch_size, answers, arguments.precision, kept)
    check_pools(recipe, pools)
    plan = BatchRun(
        arguments.source,
        arguments.target,
        recipe,
        arguments.part_size,
        arguments.limit,
        arguments.retry,
    )
    for note in plan.notes:
        print(f"left out: {note}", file=sys.stderr)
    summaries = plan.here(model.target()) if local else plan.with_ray(pools)
    return _Report(plan, arguments.target, arguments.outlet).go(summaries)


def _pools(
    actors: Mapping[str, float], gpus: Mapping[str, float], local: bool, device: str
) -> dict[str, Pool]:
    """The pools that `--actors` and `--num-gpus` describe; none for the local engine.

    Raises:
        ZerosegError: They are of the other engine, or no whole numbers of workers.
    """
    if local:
        if actors or gpus:
            raise ZerosegError("--actors and --num-gpus are of --engine ray")
        return {}
    if device != "auto":
        raise ZerosegError("--device is of --engine local; with ray, say --num-gpus")
    if wrong := [stage for stage, count in actors.items() if count < 1 or count % 1]:
        raise ZerosegError(f"--actors {wrong[0]}={actors[wrong[0]]:g}: a stage has 1 or more")
    from zeroseg.scale.dataset import Pool

    return {
        stage: Pool(int(actors.get(stage, 1)), gpus.get(stage, 0.0))
        for stage in dict.fromkeys((*actors, *gpus))
    }


_STATES = {"ok": "ok", "error": "failed"}
"""What `--json` calls a manifest's states."""


class _Report:
    """Follows a run, and sums up."""

    def __init__(self, plan: BatchRun, target: str, outlet: Outlet) -> None:
        self.plan, self.target, self.outlet = plan, target, outlet

    def go(self, summaries: Iterator[Summary]) -> int:
        """Wait for the run to end, print what came of it, return the exit code."""
        for name, state in self.plan.before.items():
            self.outlet.line(picture=name, status=_STATES[state], before=True)
        total = self._follow(summaries)
        self._print(total)
        if total.stop is not None:
            raise ZerosegError(total.stop.message)
        return 1 if total.failures or self.plan.failed_before else 0

    def _follow(self, summaries: Iterator[Summary]) -> Summary:
        from zeroseg.cli.report import Terminal, progress
        from zeroseg.scale.manifest import Summary

        total = Summary()
        with progress(Terminal(stderr=True)) as bar:
            task = bar.add_task("starting", total=self.plan.left)
            for summary in summaries:
                total += summary
                finished = summary.done + len(summary.failures)
                bar.update(task, advance=finished, description="segmenting")
                for failure in summary.failures:
                    self.outlet.failed(f"{failure.name}: {failure.message}")
                for name, problem in summary.pictures:
                    self.outlet.picture(name, problem)
        return total

    def _print(self, total: Summary) -> None:
        from zeroseg.cli.report import Terminal, Totals, say

        totals = Totals()
        totals.pictures, totals.seconds, totals.usage = total.done, total.seconds, total.usage
        console = Terminal()
        if total.done:
            console.print(totals.table())
        if (cost := totals.cost()) is not None:
            say(console, cost)
        done_before = self.plan.total - self.plan.left
        lines = [f"{total.done} segmented, {len(total.failures)} failed"]
        if done_before:
            lines.append(
                f"{done_before} were done before, {self.plan.failed_before} of them failed"
            )
        lines.append(f"results in {self.target}")
        say(console, "; ".join(lines))
