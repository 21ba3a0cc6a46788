"""`zeroseg app`: a page and a REST server, for pictures and words."""

from __future__ import annotations

import argparse
import os
from argparse import Namespace

from zeroseg.app.limits import Limits
from zeroseg.cli import model_options, options
from zeroseg.errors import PackageNotFound, ZerosegError

TOKEN = "ZEROSEG_TOKEN"
"""Environment variable that stands in for `--token`, which others on a machine could read."""

_LIMITS = {
    "megabytes": "of a request",
    "megapixels": "of a picture",
    "requests": "requests with a picture or a change that are taken on at once",
    "seconds": "until a request is given up",
    "classes": "in a list of classes",
    "jobs": "that are kept, those that have ended too",
    "job_pictures": "in a job",
    "job_megabytes": "of all jobs' pictures and results, which are kept in memory",
    "job_seconds": "that a job is kept after its end",
}
"""What each of `Limits` is of, as its option tells."""
_COUNTED = ("requests", "classes", "jobs", "job_pictures")

_EXAMPLES = f"""\
  zeroseg app
  zeroseg app --model tiny-sam3 --pictures drawn/images
  zeroseg app --results out --results runs/drawn
  zeroseg app --model large --labels "dog, boat, person" --port 9000
  {TOKEN}=secret zeroseg app --model large --host 0.0.0.0
  curl -F picture=@picture.png -F "classes=dog, boat" http://127.0.0.1:8000/v1/segment

The page asks for nothing outside of this machine, and pictures stay in memory. Requests of several
people share batches. Without a token the server can be reached from this machine alone.
The API is described at /openapi.json; measures for Prometheus are at /metrics.
It needs pip install "zeroseg[app]". Ctrl-C ends it."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "app", "a page and a REST server", str(__doc__), _EXAMPLES
    )
    parser.add_argument("--pictures", metavar="DIR", help="folder of pictures to choose from")
    parser.add_argument(
        "--results",
        metavar="DIR",
        action="append",
        default=[],
        help="folder that zeroseg segment, test or batch wrote, to be looked at; may be repeated",
    )
    options.add_vocabulary(parser, "by default the model's own")
    model_options.add_model(parser)
    _add_server(parser)
    parser.set_defaults(run=run)


def _add_server(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("server")
    group.add_argument("--host", default="127.0.0.1", metavar="NAME", help="default 127.0.0.1")
    group.add_argument(
        "--port", type=int, default=8000, metavar="N", help="default 8000; 0 takes a free one"
    )
    group.add_argument(
        "--token",
        metavar="TEXT",
        help=f"what clients must send; demanded for a --host that others reach; default: the "
        f"environment variable {TOKEN}, which is not seen in lists of processes",
    )
    for name, said in _LIMITS.items():
        default = getattr(Limits(), name)
        group.add_argument(
            f"--max-{name.replace('_', '-')}",
            dest=name,
            type=options.positive if name in _COUNTED else _positive,
            default=default,
            metavar="N",
            help=f"{said}; default {default}",
        )


def _positive(text: str) -> float:
    """An option of a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return value


def run(arguments: Namespace) -> int:
    """Serve until it is told to end; see `zeroseg.cli.main.main` for the exit code."""
    import torch

    try:
        from zeroseg.app import create_app, serve
        from zeroseg.app.guard import is_loopback
    except ImportError as error:
        raise PackageNotFound("fastapi", "zeroseg app", str(error), "app") from error
    token = arguments.token or os.environ.get(TOKEN) or None
    if token is None and not is_loopback(arguments.host):
        raise ZerosegError(
            f"--host {arguments.host} can be reached from other machines, and anybody there could "
            f"use this one: give a token, {TOKEN}=... zeroseg app --host {arguments.host}"
        )
    cores = torch.get_num_threads()
    torch.set_num_threads(1)  # one thread alone has all of them: zeroseg.running.threads
    model = options.given(model_options.ModelOptions, arguments)
    vocabulary = options.vocabulary(arguments.labels, arguments.vocabulary)
    segmenter = model.segmenter(model.config(), vocabulary)
    model.say_limits()
    limits = Limits(**{name: getattr(arguments, name) for name in _LIMITS})
    app = create_app(
        segmenter,
        model.model,
        limits=limits,
        token=token,
        pictures=arguments.pictures,
        results=arguments.results,
        cores=cores,
    )
    serve(app, arguments.host, arguments.port, _say)
    return 0


def _say(address: str) -> None:
    print(f"zeroseg app: {address} (Ctrl-C ends it)", flush=True)
