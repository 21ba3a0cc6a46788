"""The server on an address of this machine."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from zeroseg.errors import ZerosegError

IDLE = 75
"""Seconds that a connection may be idle: longer than Retry-After, or whoever comes again as they
were told meets a connection that ends at that moment, and their request is lost."""


def serve(app: FastAPI, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until the process is told to end.

    Args:
        app: See `create_app`.
        host: Name or address that is bound.
        port: 0 takes one that is free.
        ready: Called with the page's address once connections are taken.

    Raises:
        ZerosegError: The address cannot be bound.
    """
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.create_server((host, port), family=family)
    except OSError as error:
        said = f"cannot listen at {host}:{port}: {error.strerror or error}"
        raise ZerosegError(f"{said}; another one: --port 0 takes a free port") from error
    name = f"[{host}]" if ":" in host else host
    # What is wrong with a form is told to whoever sent it, and to nobody else.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app, log_level="warning", server_header=False, lifespan="on", timeout_keep_alive=IDLE
    )
    with bound:
        ready(f"http://{name}:{bound.getsockname()[1]}/")
        uvicorn.Server(config).run(sockets=[bound])
