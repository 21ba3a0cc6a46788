"""Every benchmark runs at its smallest; what it measures of this machine is not judged here."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import loopback_llm, resizing
from benchmarks.parity_sam import seeded_weights
from benchmarks.reference_loop import HostOverlap, HostPoints, ReferenceLoop
from tests.detection import sam3_parts
from tests.weights.official.dino_parts import small_config
from tests.weights.official.test_sam_checkpoint import SMALL
from zeroseg import (
    Detections,
    HighestScore,
    LLMPostRefiner,
    LLMPreRefiner,
    Masks,
    OpenAIChat,
    RamPlus,
    Sam,
    Vocabulary,
    ZeroShotSegmenter,
)
from zeroseg.detection import presence_preview
from zeroseg.errors import ChatError
from zeroseg.masking import SpreadPoints, TopLogits
from zeroseg.masking.points import ON_OBJECT
from zeroseg.reference import ReferencePostRefiner
from zeroseg.refinement import AllClasses, LexicalPreRefiner
from zeroseg.testing import BoxMasks, ScriptedChat, ScriptedDetector, boxed, noise
from zeroseg.values import Description, Geometry, Tag
from zeroseg.weights.official.sam_checkpoint import sam_of

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
PETS = Vocabulary.from_names(["background", "dog", "cat", "boat"])


@pytest.fixture(scope="module", autouse=True)
def _scripts() -> Iterator[None]:
    """Benchmarks are scripts, which import one another by name."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Runs a benchmark, and reads what it writes."""

    def run(name: str, *options: str) -> dict[str, Any]:
        file = tmp_path / f"{name}.json"
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *options, "--json", str(file)])
        import_module(name).main()
        return json.loads(file.read_text(encoding="utf-8"))

    return run


Report = Callable[..., dict[str, Any]]


def test_confidence(report: Report) -> None:
    found = report("confidence", "--model", "tiny-sam3", "--scenes", "2")
    assert 0 < found["error"]["fitted here"] < 1
    ways = found["area"]["of the preset"]
    assert ways["perfect"]["area"] <= ways["expected mIoU"]["area"] <= 1
    assert found["knots"]["background_knots"] == sorted(found["knots"]["background_knots"])


def test_beside_torch_and_its_libraries_a_demo_takes_less_than_700_mb(report: Report) -> None:
    found = report("sizes")
    torchs, others = found["torch and its libraries"], found["everything else"]
    assert {"torch", "torchvision", "sympy"} <= set(torchs)
    assert {"zeroseg", "numpy", "transformers", "matplotlib"} <= set(others)
    assert not {"pytest", "ray", "sphinx", "pandas"} & {*torchs, *others}
    assert min(torchs["torch"], others["zeroseg"], others["numpy"]) > 20e6
    assert sum(others.values()) < 700e6


def test_tiny(report: Report) -> None:
    parts = ["--parts", "tagger", "captions", "detector", "masks"]
    found = report("tiny", "--scenes", "2", *parts)
    assert set(found) == {
        "tagger",
        "captions",
        "detector",
        "masks, box",
        "masks, box and 20 points",
    }
    assert 0 < found["masks, box"]["IoU"] <= 1
    assert found["masks, box"]["things"] > 0


def test_overhead_is_what_stages_take_beside_their_networks(report: Report) -> None:
    found = report("overhead", "--size", "64x64", "--images", "2")["64x64"]
    whole = found.pop("all")
    assert sum(stage["ms"] for stage in found.values()) == pytest.approx(whole["ms"])
    assert 0 < whole["forward_ms"] < whole["ms"]
    for stage in ("tags", "caption", "detection", "masks"):
        assert 0 < found[stage]["forward_ms"] < found[stage]["ms"]
    assert found["fusion"]["forward_ms"] == found["between"]["forward_ms"] == 0


def test_resizing_moves_little(capsys: pytest.CaptureFixture[str]) -> None:
    resizing.main(["--images", "2", "--size", "96x80"])
    said = capsys.readouterr().out
    by_tensors, by_pil, pixels, maps = said.splitlines()
    assert by_tensors.startswith("resized by tensors: mIoU ") and "PIL" in by_pil
    assert 90 < float(pixels.split()[-1].rstrip("%")) <= 100
    assert maps.endswith("of 2")


def test_parity(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("parity"), "SHAPES", ((96, 128),))
    monkeypatch.setattr(import_module("parity"), "swin_t", small_config)
    monkeypatch.setattr(import_module("parity_sam"), "VIT_B", SMALL)
    found = report("parity", "--parts", "dino_t", "sam", "sam_hq")
    assert set(found) == {"dino_t", "sam", "sam_hq"}
    assert all(figures for figures in found.values())
    assert max(found["sam"].values()) < 1e-3


class TestThroughput:
    SMALLEST = ("--images", "4", "--size", "96x64", "--batch-size", "2", "--repeats", "1")

    @pytest.fixture(autouse=True)
    def _brief(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(import_module("throughput"), "COUNTED", 1)
        monkeypatch.setattr(import_module("roofline"), "SECONDS_OF_MATMUL", 0.01)

    def test_with_a_language_model(self, report: Report) -> None:
        found = report("throughput", *self.SMALLEST, "--llm-latency", "0.05")
        sides = found["reference"], found["zeroseg"]
        assert found["pixel_agreement"] >= 0.999
        assert found["ratio"] == pytest.approx(
            sides[1]["images_per_s"] / sides[0]["images_per_s"], rel=1e-6
        )
        assert found["llm_hidden"] <= 1 and 0 < found["overhead"] < 1
        assert sides[0]["calls"] == sides[1]["calls"] == 4
        assert sides[0]["prompt_tokens"] == sides[1]["prompt_tokens"] > 0
        assert sides[0]["ms"]["pre-refinement"] >= 50
        assert set(found["roofline"]["operations"]) == {"tags", "caption", "detection", "masks"}
        assert found["server"]["refused"] == 0

    def test_a_language_model_needs_openai(
        self, report: Report, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(sys.modules, "openai", None)
        with pytest.raises(SystemExit):
            report("throughput", *self.SMALLEST)
        assert "pip install openai" in capsys.readouterr().err

    def test_without_one(self, report: Report) -> None:
        found = report("throughput", *self.SMALLEST, "--no-llm")
        assert found["llm_hidden"] is None and found["zeroseg"]["calls"] == 0
        assert found["pixel_agreement"] >= 0.999
        assert min(side["images_per_s"] for side in (found["reference"], found["zeroseg"])) > 0

    @pytest.mark.parametrize(
        "options", [("--images", "0"), ("--size", "96"), ("--preset", "no such")]
    )
    def test_a_wrong_option_is_explained(
        self, report: Report, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            report("throughput", *options)
        assert caught.value.code == 2
        assert options[0] in capsys.readouterr().err

    def test_the_clock_counts_nested_modules_once(self) -> None:
        throughput = import_module("throughput")
        inner = nn.Linear(4, 4)
        network = nn.Sequential(inner, nn.ReLU())
        with throughput.ForwardClock([network], torch.device("cpu")) as clock:
            network(torch.ones(1, 4))
            inner(torch.ones(1, 4))
        assert clock.entered == {network, inner}
        assert clock.seconds > 0
        with throughput.ForwardClock([network], torch.device("cpu"), {network}) as again:
            inner(torch.ones(1, 4))
        assert again.seconds == 0


@pytest.fixture(scope="module")
def sam3(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checkpoint of a SAM 3 that has learned nothing."""
    folder = tmp_path_factory.mktemp("sam3")
    sam3_parts.sam3_model().save_pretrained(folder)
    sam3_parts.processor().save_pretrained(folder)
    return str(folder)


class TestConcepts:
    def test_both_ways_of_scripts_give_the_same_label_maps(self, report: Report, sam3: str) -> None:
        few = ("--images", "2", "--size", "48x40", "--repeats", "1", "--together", "7")
        ways = report("throughput", "--sam3", "--checkpoint", sam3, *few)["ways"]
        assert set(ways) == {"one prompt at a time", "picture repeated", "zeroseg"}
        assert all(way["pixel_agreement"] >= 0.999 for way in ways.values())
        assert len({way["instances"] for way in ways.values()}) == 1
        assert ways["zeroseg"]["ratio"] == ways["zeroseg"]["processor_ratio"] == 1

    def test_dense_scorers_and_scripts_give_the_same_label_maps(self, report: Report) -> None:
        few = ("--images", "2", "--size", "96x64", "--repeats", "1", "--together", "7")
        ways = report("throughput", "--dense", "tiny", *few)["ways"]
        assert list(ways) == [
            "patches, window by window", "PatchScorer", "CLIPSeg, picture repeated", "ClipSeg",
        ]  # fmt: skip
        assert ways["patches, window by window"]["pixel_agreement"] >= 0.75
        assert ways["CLIPSeg, picture repeated"]["pixel_agreement"] >= 0.999
        for name in ("PatchScorer", "ClipSeg"):
            assert ways[name]["ratio"] == ways[name]["pixel_agreement"] == 1

    def test_instances_claim_pixels_in_both(self, sam3: str) -> None:
        loop = import_module("concept_loop")
        parts = loop.system(sam3, PETS, torch.device("cpu"))
        parts.detector.score_threshold = 0.1
        found = loop.compare(parts, [noise(40, 56)], repeats=1, together=2)
        assert found["zeroseg"]["instances"] > 0
        assert all(way["pixel_agreement"] >= 0.999 for way in found.values())
        assert len({way["instances"] for way in found.values()}) == 1

    def test_a_system_of_another_detector_is_refused(self) -> None:
        parts = ZeroShotSegmenter(PETS, AllClasses(), ScriptedDetector({}), small_sam())
        with pytest.raises(TypeError, match="ScriptedDetector"):
            import_module("concept_loop").ConceptLoop(parts, 1)

    def test_costs_by_the_number_of_classes(
        self, report: Report, sam3: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        benchmark = import_module("many_classes")
        monkeypatch.setattr(benchmark, "cost", benchmark._cost)  # which needs no other process
        small = ("--checkpoint", sam3, "--classes", "1", "30", "--size", "64x48")
        found = report("many_classes", *small)
        assert [(row["classes"], row["preview"]) for row in found] == [
            (1, "off"), (1, "on"), (30, "off"), (30, "on"),
        ]  # fmt: skip
        assert all(row["peak_bytes"] >= row["built_bytes"] > 1 << 27 for row in found)
        assert len(benchmark.classes(1203).classes) == 1203

    def test_what_the_preview_loses(
        self, report: Report, sam3: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(presence_preview, "ADMITTED", 1.0)  # the likeliest alone
        small = ("--checkpoint", sam3, "--classes", "6", "--size", "48x40", "--loss", "2")
        [pruned] = report("many_classes", *small)
        assert pruned["pruned"] == 5 and 0 < pruned["differing"] <= 1
        assert pruned["pruned_though_there"] <= pruned["pruned"]
        monkeypatch.setattr(presence_preview, "ADMITTED", 0.0)
        [same] = report("many_classes", *small)
        assert same["pruned"] == same["differing"] == same["pruned_though_there"] == 0
        assert same["miou"]["on"] == same["miou"]["off"]


class TestLargePictures:
    @pytest.fixture(autouse=True)
    def _here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        benchmark = import_module("large_pictures")
        monkeypatch.setattr(benchmark, "apart", lambda work, *given: work(*given))

    def test_windows_against_the_whole(self, report: Report) -> None:
        small = ("--size", "288", "--things", "2", "--seams")
        whole, cut, shifted = report("large_pictures", *small)
        assert [row["windows"] for row in (whole, cut, shifted)] == [1, 5, 1]
        assert 0 < cut["seams"] <= 1
        assert 0 <= cut["things_one"] <= cut["things_cut"]

    def test_memory_of_files(self, report: Report) -> None:
        [row] = report("large_pictures", "--files", "256", "--window", "0")
        assert row["peak_bytes"] >= row["built_bytes"] > 1 << 27


class TestReferenceLoop:
    def test_tags_are_put_together_from_pieces(self) -> None:
        tagger = RamPlus.from_pretrained("tiny:ram_plus", tile_size=64)
        loop = ReferenceLoop(
            ZeroShotSegmenter(PETS, AllClasses(), ScriptedDetector({}), small_sam(), tagger=tagger)
        )
        picture = noise(100, 120)
        [whole] = tagger([picture])
        pieces = loop._tags(picture)
        assert [tag.name for tag in pieces] == [tag.name for tag in whole]
        assert [t.score for t in pieces] == pytest.approx([t.score for t in whole], abs=1e-5)

    def test_each_unknown_phrase_is_asked_for_alone_and_once(self) -> None:
        chat = ScriptedChat(lambda asked: '{"answers": [{"number": 1, "label": "dog"}]}')
        parts = ZeroShotSegmenter(
            PETS,
            AllClasses(),
            ScriptedDetector({}),
            small_sam(),
            post_refiner=LLMPostRefiner(chat, cache=None),
        )
        loop = ReferenceLoop(parts)
        found = boxed((0, 0, 9, 9), (1, 1, 8, 8), (2, 2, 9, 9), labels=(-1, 2, -1))
        resolved, exchanges = loop._resolve(found)
        again, silence = loop._resolve(found)
        assert resolved.labels.tolist() == again.labels.tolist() == [1, 2, 1]
        assert len(exchanges) == len(chat.asked) == 2 and silence == []

    def test_points_on_the_host_are_the_top_logits(self) -> None:
        masks, found = random_masks()
        theirs, ours = HostPoints(20)(found, masks), TopLogits(20)(found, masks)
        assert torch.equal(theirs.labels, ours.labels)
        full = masks.full()
        for i, (one, other) in enumerate(zip(theirs.xy.long(), ours.xy.long(), strict=True)):
            # Where logits are equal up to rounding, either pixel will do.
            kept = theirs.labels[i] == ON_OBJECT
            highest = full[i, one[kept, 1], one[kept, 0]]
            torch.testing.assert_close(highest, full[i, other[kept, 1], other[kept, 0]])

    def test_overlaps_on_the_host_are_those_of_the_highest_score(self) -> None:
        masks, found = random_masks()
        theirs, ours = HostOverlap()(masks, found, PETS), HighestScore()(masks, found, PETS)
        assert len(theirs.unique()) > 2
        assert torch.equal(theirs, ours)

    def test_what_it_cannot_restate_is_refused(self) -> None:
        detector = ScriptedDetector({})
        with pytest.raises(TypeError, match="BoxMasks"):
            ReferenceLoop(ZeroShotSegmenter(PETS, AllClasses(), detector, BoxMasks()))
        spread = small_sam().with_points(SpreadPoints(3))
        with pytest.raises(TypeError, match="SpreadPoints"):
            ReferenceLoop(ZeroShotSegmenter(PETS, AllClasses(), detector, spread))


def small_sam() -> Sam:
    model, image_processor = sam_of(seeded_weights(SMALL))
    return Sam(model=model, image_processor=image_processor)


def random_masks() -> tuple[Masks, Detections]:
    """Overlapping regions of all classes, one of none, one of the background, one of two pixels."""
    found = boxed(
        *((5, 4, 60, 50), (0, 0, 70, 55), (30, 20, 79, 59), (10, 10, 12, 11), (0, 0, 79, 59)),
        (20, 0, 60, 59),
        labels=(1, 2, -1, 3, 0, 1),
    )
    logits = torch.randn(len(found), 8, 8, generator=torch.Generator().manual_seed(3))
    return Masks(logits, Geometry((60, 80), (48, 64), (64, 64))), found


class TestLoopbackModel:
    def test_it_answers_as_the_rules_do(self) -> None:
        descriptions = [
            Description((Tag("puppy", 0.9), Tag("sailboat", 0.8)), "a tabby without a dog"),
            Description((Tag("grass", 0.5),)),
        ]
        with listening() as address:
            chat = OpenAIChat("loopback", base_url=address)
            found = LLMPreRefiner(chat)(descriptions, PETS)
            resolution = LLMPostRefiner(chat)(["old rowboat", "kitten", "lamp"], PETS)
            alone = ReferencePostRefiner(chat)(["kitten", "lamp"], PETS)
        ruled = LexicalPreRefiner("classes")(descriptions, PETS)
        assert [s.labels for s in found] == [s.labels for s in ruled] == [(1, 2, 3), ()]
        assert resolution.labels == (3, 2, -1)
        assert alone.labels == (2, -1)
        assert found[0].exchanges[0].usage.prompt_tokens > 100

    def test_it_answers_in_plain_text_where_no_json_is_asked_for(self) -> None:
        with listening() as address:
            chat = OpenAIChat("loopback", base_url=address, structured="never")
            [found] = LLMPreRefiner(chat)([Description((Tag("puppy", 0.9),))], PETS)
            assert LLMPostRefiner(chat)(["lamp", "old rowboat"], PETS).labels == (-1, 3)
        assert found.labels == (1,)
        assert found.exchanges[0].reply == "dog"

    def test_requests_beyond_the_rate_are_refused_and_come_again(self) -> None:
        descriptions = [Description((Tag("puppy", 0.5 + i / 100),), f"{i}") for i in range(8)]
        with listening(rate=5) as address:
            impatient = OpenAIChat("loopback", base_url=address, max_retries=0)
            with pytest.raises(ChatError, match="too many requests"):
                LLMPreRefiner(impatient)(descriptions, PETS)
            refused = loopback_llm.load_of(address)["refused"]
            patient = OpenAIChat("loopback", base_url=address)
            found = LLMPreRefiner(patient)(descriptions[:2], PETS)
        assert refused > 0
        assert [s.labels for s in found] == [(1,), (1,)]


@contextmanager
def listening(rate: float = 1000) -> Iterator[str]:
    """The stand-in in a thread of this process, which starts faster than a process."""
    load = loopback_llm.Load(rate)
    server = loopback_llm.Server(("127.0.0.1", 0), loopback_llm.handler(0.0, load))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class TestRoofline:
    def test_operations_are_two_for_a_multiply_add(self) -> None:
        roofline = import_module("roofline")
        one, other = torch.ones(3, 5), torch.ones(5, 7)
        assert roofline.operations(lambda: one @ other) == 2 * 3 * 5 * 7


class TestBounds:
    @pytest.fixture
    def bounds(self) -> Any:
        return import_module("bounds")

    @pytest.fixture
    def rates(self, bounds: Any) -> Any:
        return bounds.Rates(operations=1e12, traffic=1e9, launch=1e-6)

    def test_a_kernel_takes_the_longer_of_its_arithmetic_and_its_traffic(
        self, bounds: Any, rates: Any
    ) -> None:
        one, other = torch.ones(3, 5, device="meta"), torch.ones(5, 7, device="meta")
        work = bounds.work_of(lambda: one @ other, rates)
        assert (work.operations, work.launches) == (2 * 3 * 5 * 7, 1)
        assert work.traffic == 4 * (3 * 5 + 5 * 7 + 3 * 7)
        assert work.seconds == pytest.approx(work.traffic / rates.traffic)

    def test_views_are_free_and_what_is_expanded_is_read_once(
        self, bounds: Any, rates: Any
    ) -> None:
        row = torch.ones(1, 6, device="meta")
        assert bounds.work_of(lambda: row.view(2, 3).T, rates).launches == 0
        work = bounds.work_of(lambda: row.expand(4, 6) + row, rates)
        assert work.traffic == 4 * (6 + 6 + 4 * 6)

    def test_what_nothing_refers_to_is_no_longer_alive(self, bounds: Any, rates: Any) -> None:
        row = torch.ones(100, device="meta")

        def doubled_thrice() -> torch.Tensor:
            twice = row * 2
            four_times = twice * 2
            del twice
            return four_times[:50] * 2

        assert bounds.work_of(doubled_thrice, rates).peak == 4 * 2 * 100

    def test_attention_is_one_kernel(self, bounds: Any, rates: Any) -> None:
        query, key = torch.ones(2, 4, 8, device="meta"), torch.ones(2, 6, 8, device="meta")
        attend = torch.nn.functional.scaled_dot_product_attention
        work = bounds.work_of(lambda: attend(query, key, value=key), rates)
        assert (work.operations, work.launches) == (2 * 2 * 4 * 6 * (8 + 8), 1)
        assert work.traffic == 4 * 2 * (4 * 8 + 6 * 8 + 6 * 8 + 4 * 8)

    def test_the_published_networks_take_what_is_known_of_them(
        self, bounds: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        file = tmp_path / "bounds.json"
        command = ["bounds.py", "--batch-size", "1", "--json", str(file)]
        monkeypatch.setattr(sys, "argv", command)
        bounds.main()
        found = json.loads(file.read_text())
        count = {part: work["operations"] / 1e9 for part, work in found["parts"].items()}
        assert count["masks, image encoder"] == pytest.approx(2990, rel=0.01)
        assert count["captioner, first token"] > 520  # its vision model alone
        assert count["detector"] > 160  # its backbone alone
        assert count["tagger"] > 210  # its Swin-L alone
        assert 0 < found["share_at_most"] < 1

    def test_a_prompt_of_sam3_takes_less_than_scripts_give_it(
        self, bounds: Any, rates: Any
    ) -> None:
        found = bounds.parts_of_sam3(sam3_parts.config(), torch.float32, 4, rates)
        count = {name: work.operations for name, work in found.items()}
        assert all(number > 0 for number in count.values())
        whole = count["image, once"] + count["each prompt"]
        assert whole < count["each prompt by a script"]
        assert count["preview: each prompt"] < count["each prompt"]


def test_random_systems_say_the_same_amount_of_every_picture() -> None:
    weights = import_module("random_weights")
    system = weights.build(weights.mid(), "cpu")
    system.captioner.max_new_tokens = 2
    [one] = system.segment([noise(90, 120)])
    assert len(one.description.tags) == weights.TAGS
    assert len(one.detections) == weights.BOXES
    assert set(one.detections.labels.tolist()) <= set(one.selection.labels)


class TestMemory:
    def test_stream_and_boxes(self, report: Report) -> None:
        small = ("--settled", "2", "--size", "64x48", "--network", "tiny")
        found = report("memory", "--stream", "4", "--boxes", "3", *small)
        assert found["stream"]["images"] == 4
        assert found["stream"]["peak_bytes"] >= found["stream"]["peak_settled_bytes"] > 1 << 27
        assert found["boxes"]["peak_bytes"] >= found["boxes"]["built_bytes"] > 1 << 27
        assert found["boxes"]["size"] == [48, 64] and found["boxes"]["labels"] > 1

    @pytest.mark.parametrize("options", [(), ("--stream", "10")])
    def test_a_wrong_option_is_explained(
        self, report: Report, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit):
            report("memory", *options)
        assert "--stream" in capsys.readouterr().err


def test_exports_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks import exports

    small = ["--count", "2", "--side", "64", "--formats", "png", "yolo"]
    rows = exports.main(small)["round trips"]
    assert [(row["format"], row.get("holes")) for row in rows] == [
        ("png", None),
        ("yolo", "cut"),
        ("yolo", "fill"),
    ]
    assert rows[0]["mean_iou"] == rows[1]["mean_iou"] == 1 >= rows[2]["mean_iou"]
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_video(report: Report) -> None:
    options = ["--scenes", "1", "--frames", "3", "--size", "64x64", "--every", "2"]
    single, carried = report("video", "--quality", *options)["quality"]
    assert (single["every"], carried["every"]) == (0, 2)
    assert all(0 <= row[name] <= 1 for row in (single, carried) for name in ("miou", "tc", "agree"))
    found = import_module("video")._long_video(12, (64, 64))
    assert found["frames"] == found["overlaid"] == 12 and found["tracks"] == 2
    assert found["peak_bytes"] >= found["begun_bytes"] > 0


def test_what_readers_gave_is_held_against_regions(tmp_path: Path) -> None:
    from benchmarks.exports import write_results
    from benchmarks.readers.__main__ import compared, expected

    results = str(tmp_path / "results")
    write_results(Path(results), 2, 2, (64, 64))
    for name, classes, masks in expected(results):
        order = np.arange(len(masks))[::-1]
        kept = order if name == "000000" else order[1:]  # the last one is lost
        found = {"classes": np.array(classes)[kept], "masks": np.array(masks)[kept]}
        np.savez(tmp_path / f"{name}.npz", **found)
    row = compared(results, tmp_path, {"package": "p 1", "format": "coco"})
    assert row.wrong == 1 and sorted(row.found)[1] == 1 > row.to_dict()["worst"]
    assert row.line().startswith(f"| p 1 | coco | {len(row.found)} | {len(row.found) - 1} | 0.")
