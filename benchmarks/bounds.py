"""What bounds the published networks on a device, counted on shapes alone: no weights, no device.

    python benchmarks/bounds.py
    python benchmarks/bounds.py --batch-size 32 --tflops 790 --tbps 4.3 --launch-us 6
    python benchmarks/bounds.py --sam3

Every operation that the networks call is counted as PyTorch calls it, one kernel each: its
floating-point operations (two to a multiply-add), the bytes that it reads and writes, and its
launch. From these follows the least time of a batch: on the device, each kernel takes the longer of
its arithmetic and its traffic; on the host, launches take their time one after the other. Nothing
is fused, as without `torch.compile`; attention counts as one kernel that keeps its scores to
itself. The rates are arguments; the defaults are what large copies and bfloat16 products reach on
an H200, and a usual cost of a launch. "GB alive" is the most that a batch has in memory at once,
beside the weights and beside what an allocator wastes. These are bounds, not measurements:
`throughput.py` measures.

With `--sam3` it is the published SAM 3, of 1008 x 1008 pixels, that is counted: the image once, and
each prompt, of which `--batch-size` are put to it at a time, as `Sam3` asks; a prompt through the
whole network as published scripts ask, the picture with it; and the preview. Masks of single
instances are beside it: `Sam3` makes those that it keeps.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import random_weights
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from transformers import DynamicCache, Sam3Config, Sam3Model

from zeroseg import ZeroShotSegmenter
from zeroseg.detection.concept_texts import LENGTH, Texts
from zeroseg.detection.presence_preview import PresencePreview
from zeroseg.detection.prompted_image import PromptedImage

TOKENS, WORDS = 20, 20
"""Tokens that a caption has, and those of the detector's prompts."""
NAME = 4
"""Tokens of a prompt of SAM 3, with the two around it; scripts pad it."""
BOXES = random_weights.BOXES
TYPES = {"32": torch.float32, "bf16": torch.bfloat16, "16": torch.float16}
_SCALAR = torch.ops.aten._local_scalar_dense.default
_NOTHING = ("empty", "new_empty", "_unsafe_view", "detach", "lift_fresh")
"""Operations, beside views, that touch no data."""


@dataclass(frozen=True)
class Rates:
    """What a device reaches.

    Attributes:
        operations: Floating-point operations a second of large matrix products.
        traffic: Bytes a second, read and written.
        launch: Seconds of the host for a kernel.
    """

    operations: float
    traffic: float
    launch: float


@dataclass
class Work:
    """What some work with tensors takes.

    Attributes:
        operations: Floating-point operations.
        traffic: Bytes read and written.
        launches: Kernels.
        seconds: Least time on the device.
        peak: Most bytes that were alive at once, beside what was there before.
    """

    operations: float = 0.0
    traffic: float = 0.0
    launches: float = 0.0
    seconds: float = 0.0
    peak: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.operations + other.operations,
            self.traffic + other.traffic,
            self.launches + other.launches,
            self.seconds + other.seconds,
            max(self.peak, other.peak),
        )

    def times(self, count: float) -> Work:
        """The same work again and again."""
        ran = (self.operations, self.traffic, self.launches, self.seconds)
        return Work(*(count * each for each in ran), self.peak)


class Tally(TorchDispatchMode):
    """Counts every kernel of the body; a check of values, which shapes cannot answer, holds."""

    def __init__(self, rates: Rates) -> None:
        super().__init__()
        self.rates, self.work = rates, Work()
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call and count."""
        if func is _SCALAR and args[0].is_meta:
            return True
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if not func.is_view and not name.startswith(_NOTHING):
            count = flop_registry.get(func.overloadpacket)
            operations = count(*args, **(kwargs or {}), out_val=result) if count else 0
            self.add(operations, args, kwargs, result)
        if not func.is_view:
            self.hold(result)
        return result

    def hold(self, result: Any) -> None:
        """Count what an operation gave as alive until nothing refers to it."""
        kept = {key: (ref, size) for key, (ref, size) in self._alive.items() if not ref.expired()}
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                storage = leaf.untyped_storage()
                kept.setdefault(storage._cdata, (StorageWeakRef(storage), storage.nbytes()))
        self._alive = kept
        self.work.peak = max(self.work.peak, sum(size for _, size in kept.values()))

    def add(self, operations: float, *touched: Any) -> None:
        """Count a kernel that reads or writes these tensors."""
        tensors = [leaf for leaf in tree_leaves(touched) if isinstance(leaf, Tensor)]
        traffic = float(sum(map(_bytes, tensors)))
        least = max(operations / self.rates.operations, traffic / self.rates.traffic)
        self.work += Work(operations, traffic, 1, least)


class WholeAttention(TorchFunctionMode):
    """Attention as one kernel, which on shapes alone would be taken apart."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Count attention; call all else."""
        if func is not torch.nn.functional.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        query, key, value = (args + tuple((kwargs or {}).get(n) for n in _QKV[len(args) :]))[:3]
        pairs = query.shape[:-1].numel() * key.shape[-2]
        result = query.new_empty(*query.shape[:-1], value.shape[-1])
        operations = 2.0 * pairs * (query.shape[-1] + value.shape[-1])
        self.tally.add(operations, args, kwargs, result)
        return result


_QKV = ("query", "key", "value")


def _bytes(tensor: Tensor) -> int:
    """What a kernel touches of a tensor; an expanded one is no larger than its storage."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())


def work_of(call: Callable[[], object], rates: Rates) -> Work:
    """What a call takes."""
    tally = Tally(rates)
    with torch.no_grad(), tally, WholeAttention(tally):
        call()
    return tally.work


def parts_of(
    segmenter: ZeroShotSegmenter, seen: tuple[int, int], count: int, rates: Rates
) -> dict[str, Work]:
    """What the parts of a system take for a batch of images of one piece each.

    Args:
        segmenter: A system of `random_weights` on "meta", in the precision that is counted.
        seen: (height, width) of what the detector sees of an image.
        count: Images of the batch.
        rates: What the device reaches.
    """
    networks: Any = segmenter
    tagger, captioner = networks.tagger.model, networks.captioner.model
    detector, masks = networks.detector.model, networks.mask_predictor
    like = next(detector.parameters())

    def blank(height: int, width: int) -> Tensor:
        return like.new_zeros(count, 3, height, width)

    piece, square = tagger.config.image_size, captioner.config.vision_config.image_size
    words = torch.zeros(count, WORDS, dtype=torch.int64, device=like.device)
    prompts = {"input_ids": words, "attention_mask": words, "token_type_ids": words}
    cache = DynamicCache(config=captioner.language_model.config)
    features = masks._embed(blank(masks.frame, masks.frame))
    owner = torch.arange(count, device=like.device).repeat_interleave(BOXES)
    boxes = torch.zeros(len(owner), 4, device=like.device)

    def decode() -> None:
        for start in range(0, len(owner), masks.chunk_size):
            part = slice(start, start + masks.chunk_size)
            masks._decode(features, owner[part], boxes[part], None)

    def begin() -> None:
        prefix = captioner.vision_model(blank(square, square)).last_hidden_state
        queries = captioner.query_tokens.expand(count, -1, -1)
        seen_by = captioner.qformer(query_embeds=queries, encoder_hidden_states=prefix)
        embedded = captioner.language_projection(seen_by.last_hidden_state)
        captioner.language_model(inputs_embeds=embedded, past_key_values=cache, use_cache=True)

    def go_on() -> None:
        captioner.language_model(input_ids=words[:, :1], past_key_values=cache, use_cache=True)

    return {
        "tagger": work_of(lambda: tagger(blank(piece, piece)), rates),
        "captioner, first token": work_of(begin, rates),
        f"captioner, {TOKENS - 1} more": work_of(go_on, rates).times(TOKENS - 1),
        "detector": work_of(lambda: detector(pixel_values=blank(*seen), **prompts), rates),
        "masks, image encoder": work_of(
            lambda: masks._embed(blank(masks.frame, masks.frame)), rates
        ),
        f"masks, {BOXES} boxes twice": work_of(decode, rates).times(2),
    }


def parts_of_sam3(
    config: Sam3Config, dtype: torch.dtype, count: int, rates: Rates
) -> dict[str, Work]:
    """What a SAM 3 takes for one image, and for each prompt where `count` are asked at a time."""
    with torch.device("meta"):
        model: Any = Sam3Model(config).to(dtype).eval()
    like = model.text_projection.weight
    side = config.vision_config.backbone_config.image_size
    preview = PresencePreview(model)

    def blank(side: int, images: int = 1) -> Tensor:
        return like.new_zeros(images, 3, side, side)

    def words(length: int) -> dict[str, Tensor]:
        real = like.new_ones(count, length, dtype=torch.int64)
        return {"input_ids": real, "attention_mask": real}

    width = config.detr_encoder_config.hidden_size
    texts = Texts(like.new_zeros(count, NAME, width), words(NAME)["attention_mask"])
    seen = PromptedImage(model, model.get_vision_features(pixel_values=blank(side)))
    small = PromptedImage(model, preview.look(model, blank(preview.side)))
    own = [like.new_zeros(NAME, width)] * count
    share = 1 / count
    return {
        "image, once": work_of(
            lambda: PromptedImage(model, model.get_vision_features(pixel_values=blank(side))), rates
        ),
        "text of a prompt, once": work_of(
            lambda: model.get_text_features(**words(LENGTH)), rates
        ).times(share),
        "each prompt": work_of(lambda: seen.ask(texts), rates).times(share),
        "each prompt by a script": work_of(
            lambda: model(pixel_values=blank(side, count), **words(LENGTH)), rates
        ).times(share),
        "preview: image, once": work_of(
            lambda: PromptedImage(model, preview.look(model, blank(preview.side))), rates
        ),
        "preview: each prompt": work_of(lambda: preview.judge(small, own, count), rates).times(
            share
        ),
    }


def report(parts: dict[str, Work], count: int, rates: Rates) -> dict[str, Any]:
    """Figures an image."""
    whole = sum(parts.values(), Work())
    ideal = whole.operations / rates.operations
    host = whole.launches * rates.launch
    return {
        "parts": {name: vars(work.times(1 / count)) for name, work in parts.items()},
        "ideal_ms": 1000 * ideal / count,
        "device_ms": 1000 * whole.seconds / count,
        "host_ms": 1000 * host / count,
        "share_at_most": ideal / max(whole.seconds, host),
    }


def show(parts: dict[str, Work], count: int, rates: Rates, console: Console) -> None:
    """The figures as a table."""
    whole = {**parts, "all": sum(parts.values(), Work())}
    console.print(table_of(whole, "an image", count, rates))
    share = report(parts, count, rates)["share_at_most"]
    console.print(f"batches of {count}: at most {share:.0%} of the roofline without fusing kernels")


def table_of(parts: dict[str, Work], title: str, count: int, rates: Rates) -> Table:
    """A row for each part, its figures divided by `count`."""
    heads = ("GFLOP", "GB moved", "launches", "arithmetic, ms", "device, ms", "host, ms")
    table = Table(title, *heads, "GB alive")
    for name, work in parts.items():
        table.add_row(
            name,
            f"{work.operations / count / 1e9:.0f}",
            f"{work.traffic / count / 1e9:.2f}",
            f"{work.launches / count:.0f}",
            f"{1000 * work.operations / rates.operations / count:.2f}",
            f"{1000 * work.seconds / count:.2f}",
            f"{1000 * work.launches * rates.launch / count:.2f}",
            f"{work.peak / 1e9:.2f}",
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--random-weights", choices=list(random_weights.SIZES), default="published")
    parser.add_argument("--sam3", action="store_true", help="SAM 3 in its place")
    parser.add_argument("--batch-size", type=int, default=8, help="images, or prompts of SAM 3")
    parser.add_argument("--precision", choices=list(TYPES), default="bf16", help="of all networks")
    parser.add_argument("--tflops", type=float, default=790, help="10^12 operations a second")
    parser.add_argument("--tbps", type=float, default=4.3, help="10^12 bytes a second")
    parser.add_argument("--launch-us", type=float, default=6, help="microseconds to a launch")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args()
    if min(args.batch_size, args.tflops, args.tbps, args.launch_us) <= 0:
        parser.error("sizes and rates must be above 0")
    rates = Rates(1e12 * args.tflops, 1e12 * args.tbps, 1e-6 * args.launch_us)
    if args.sam3:
        parts = parts_of_sam3(Sam3Config(), TYPES[args.precision], args.batch_size, rates)
        Console(width=110).print(table_of(parts, "SAM 3", 1, rates))
        write(args.json, {"parts": {name: vars(work) for name, work in parts.items()}})
        return
    sizes = random_weights.SIZES[args.random_weights]()
    segmenter = random_weights.build(sizes, "meta", batch_size=args.batch_size)
    segmenter.to(TYPES[args.precision])
    seen = (sizes.short_side, sizes.short_side * 4 // 3)
    parts = parts_of(segmenter, seen, args.batch_size, rates)
    show(parts, args.batch_size, rates, Console(width=110))
    write(args.json, report(parts, args.batch_size, rates))


def write(file: Path | None, found: dict[str, Any]) -> None:
    if file:
        file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
