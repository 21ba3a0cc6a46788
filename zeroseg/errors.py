"""The errors a caller can act on; each message says what to do."""

from __future__ import annotations


class ZerosegError(Exception):
    """Base class of the errors that zeroseg raises on purpose.

    Attributes:
        begun: Whether something was done before it, and is saved: the run can be gone on with.
    """

    begun = False


class OutputError(ZerosegError, OSError):
    """A file or folder that results cannot be written to."""


class VocabularyError(ZerosegError, ValueError):
    """A list of classes that cannot be used as given."""


class ImageError(ZerosegError, ValueError):
    """A file or array that cannot be read as a picture."""


class VideoError(ZerosegError, ValueError):
    """A file or sequence that cannot be read as a video, or only in part."""


class BlockError(ZerosegError, RuntimeError):
    """A block of a picture too large to be segmented at once that could not be segmented."""


class PresetError(ZerosegError, ValueError):
    """A preset or configuration that does not describe a segmenter."""


class CheckpointNotFound(ZerosegError, FileNotFoundError):
    """Weights that are neither on this machine nor within reach.

    Args:
        checkpoint: Hub name or path that was asked for.
        component: The class that asked.
        reason: Why it is not here, and what to do.
        argument: The class's argument that takes a local copy.
    """

    def __init__(
        self, checkpoint: str, component: str, reason: str, argument: str = "checkpoint"
    ) -> None:
        super().__init__(f"{component} needs the {argument} '{checkpoint}', but {reason}")
        self.checkpoint = checkpoint
        self.component = component


class PackageNotFound(ZerosegError, ImportError):
    """A package that only some components need is not installed, or broken.

    Args:
        package: Its name on the package index.
        component: The class that asked.
        reason: Why the import failed.
        extra: What brings it along with zeroseg.
    """

    def __init__(self, package: str, component: str, reason: str, extra: str = "official") -> None:
        super().__init__(
            f"{component} needs {package}, which cannot be imported ({reason}): "
            f'pip install "zeroseg[{extra}]"'
        )


class CheckpointError(ZerosegError, ValueError):
    """Weights that are damaged, or do not fit the model they were given to."""


class MissingKeyError(ZerosegError, RuntimeError):
    """A chat service needs a key that the environment does not hold, or that cannot be one.

    Args:
        variable: Name of the environment variable.
        component: The class that asked.
        problem: What is wrong with the key that was given, without showing it; None if there is
            no key.
    """

    def __init__(self, variable: str, component: str, problem: str | None = None) -> None:
        found = "" if problem is None else f", and {problem}"
        super().__init__(
            f"{component} needs an API key{found}: set the environment variable {variable}, or "
            f"give `base_url` of a local OpenAI-compatible server, or refine without a language "
            f"model (LexicalPreRefiner and LexicalPostRefiner, as the preset tiny does)."
        )
        self.variable = variable


class CalibrationError(ZerosegError, ValueError):
    """Thresholds that are missing, damaged, for something else, or cannot be found."""


class ChatError(ZerosegError, RuntimeError):
    """Something is wrong with a language model that concerns every question, not one of them."""


class ComponentError(ZerosegError, TypeError):
    """A component returned something else than its contract says.

    Args:
        component: Name of its class.
        expected: What the contract says.
        got: What it returned.
    """

    def __init__(self, component: str, expected: str, got: str) -> None:
        super().__init__(f"{component} returned {' '.join(got.split())}, expected {expected}")
        self.component = component
