"""zeroseg: training-free, zero-shot semantic segmentation.

Images and class names in, a label for every pixel out:

    from zeroseg import ZeroShotSegmenter

    segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "boat", "person"])
    result = segmenter.segment("picture.png")
    result.plot().save("overlay.png")

Public names are loaded on first use, so that `import zeroseg` is quick; importing downloads
nothing and touches no device.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Ade20k": "data.ade20k",
    "AllClasses": "refinement.all_classes",
    "AnswerCache": "chat.answer_cache",
    "BaseSegmenter": "base_segmenter",
    "Blip2": "recognition.blip2",
    "CachedChat": "chat.cached_chat",
    "Captioner": "recognition.captioner",
    "ChatError": "errors",
    "ChatModel": "chat.chat_model",
    "CheckpointNotFound": "errors",
    "Cityscapes": "data.cityscapes",
    "ClipVote": "baselines.clip_vote",
    "ClosedSetVote": "baselines.closed_set_vote",
    "Coco81": "data.coco81",
    "ComponentError": "errors",
    "Conversation": "chat.chat_model",
    "DenseScorer": "dense.dense_scorer",
    "DenseScores": "values",
    "Description": "values",
    "Detections": "values",
    "Detector": "detection.detector",
    "DetectorMasks": "masking.detector_masks",
    "Dram": "data.dram",
    "DrawnScenes": "data.drawn_scenes",
    "EverythingMasks": "baselines.everything",
    "ExactPostRefiner": "refinement.exact_post_refiner",
    "Example": "refinement.examples",
    "Exchange": "values",
    "Failure": "values",
    "Fusion": "fusion.fusion",
    "Geometry": "values",
    "GivenLabels": "refinement.given_labels",
    "GroundingDino": "detection.grounding_dino",
    "HighestScore": "fusion.highest_score",
    "ImageError": "errors",
    "ImageMaskFolder": "data.image_mask_folder",
    "LLMPostRefiner": "refinement.llm_post_refiner",
    "LLMPreRefiner": "refinement.llm_pre_refiner",
    "LexicalPostRefiner": "refinement.lexical_post_refiner",
    "LexicalPreRefiner": "refinement.lexical_pre_refiner",
    "MaskClassifier": "baselines.mask_classifier",
    "MaskPredictor": "masking.mask_predictor",
    "MaskProposer": "baselines.mask_proposer",
    "Masks": "values",
    "Message": "chat.chat_model",
    "MissingKeyError": "errors",
    "OfficialGroundingDino": "detection.official_grounding_dino",
    "OfficialSam": "masking.official_sam",
    "OpenAIChat": "chat.openai_chat",
    "Picture": "chat.chat_model",
    "PixelCounts": "metrics.pixel_counts",
    "PointSampler": "masking.point_sampler",
    "Points": "values",
    "Pool": "scale.dataset",
    "PostRefiner": "refinement.post_refiner",
    "PreRefiner": "refinement.pre_refiner",
    "PresetError": "errors",
    "Proposals": "baselines.mask_proposer",
    "Protocol": "metrics.protocol",
    "PublishedOverlap": "fusion.published",
    "Queries": "values",
    "QueryCentres": "masking.points",
    "RamPlus": "recognition.ram_plus",
    "RawTags": "refinement.raw_tags",
    "Regions": "data.sample",
    "Reply": "chat.chat_model",
    "Resolution": "values",
    "Run": "evaluation.evaluate",
    "Sam": "masking.sam",
    "SamHq": "masking.sam_hq",
    "Sample": "data.sample",
    "SampleData": "data.sample_data",
    "Samples": "data.sample_data",
    "Segmentation": "segmentation",
    "SegmentationScores": "metrics.segmentation_scores",
    "Selection": "values",
    "SemanticSegmentAnything": "baselines.semantic_segment_anything",
    "SpreadPoints": "masking.points",
    "Stage": "running.stage",
    "Tag": "values",
    "Tagger": "recognition.tagger",
    "TopLogits": "masking.points",
    "Trace": "values",
    "TransformersChat": "chat.transformers_chat",
    "Truth": "data.sample",
    "Usage": "values",
    "Verifier": "refinement.verifier",
    "Voc2012": "data.voc2012",
    "Vocabulary": "vocabulary",
    "VocabularyError": "errors",
    "Votes": "baselines.mask_classifier",
    "ZeroShotSegmenter": "segmenter",
    "ZerosegError": "errors",
    "count_pixels": "metrics.pixel_counts",
    "draw_examples": "evaluation.few_shot",
    "evaluate": "evaluation.evaluate",
    "explain": "refinement.examples",
    "offload": "offloaded",
    "open_data": "data.catalog",
    "read_image": "images",
    "segment_dataset": "scale.dataset",
    "summarize": "metrics.segmentation_scores",
}

__all__ = ["__version__", *sorted(_HOME)]

if TYPE_CHECKING:
    from zeroseg.base_segmenter import BaseSegmenter as BaseSegmenter
    from zeroseg.baselines.clip_vote import ClipVote as ClipVote
    from zeroseg.baselines.closed_set_vote import ClosedSetVote as ClosedSetVote
    from zeroseg.baselines.everything import EverythingMasks as EverythingMasks
    from zeroseg.baselines.mask_classifier import MaskClassifier as MaskClassifier
    from zeroseg.baselines.mask_classifier import Votes as Votes
    from zeroseg.baselines.mask_proposer import MaskProposer as MaskProposer
    from zeroseg.baselines.mask_proposer import Proposals as Proposals
    from zeroseg.baselines.semantic_segment_anything import (
        SemanticSegmentAnything as SemanticSegmentAnything,
    )
    from zeroseg.chat.answer_cache import AnswerCache as AnswerCache
    from zeroseg.chat.cached_chat import CachedChat as CachedChat
    from zeroseg.chat.chat_model import ChatModel as ChatModel
    from zeroseg.chat.chat_model import Conversation as Conversation
    from zeroseg.chat.chat_model import Message as Message
    from zeroseg.chat.chat_model import Picture as Picture
    from zeroseg.chat.chat_model import Reply as Reply
    from zeroseg.chat.openai_chat import OpenAIChat as OpenAIChat
    from zeroseg.chat.transformers_chat import TransformersChat as TransformersChat
    from zeroseg.data.ade20k import Ade20k as Ade20k
    from zeroseg.data.catalog import open_data as open_data
    from zeroseg.data.cityscapes import Cityscapes as Cityscapes
    from zeroseg.data.coco81 import Coco81 as Coco81
    from zeroseg.data.dram import Dram as Dram
    from zeroseg.data.drawn_scenes import DrawnScenes as DrawnScenes
    from zeroseg.data.image_mask_folder import ImageMaskFolder as ImageMaskFolder
    from zeroseg.data.sample import Regions as Regions
    from zeroseg.data.sample import Sample as Sample
    from zeroseg.data.sample import Truth as Truth
    from zeroseg.data.sample_data import SampleData as SampleData
    from zeroseg.data.sample_data import Samples as Samples
    from zeroseg.data.voc2012 import Voc2012 as Voc2012
    from zeroseg.dense.dense_scorer import DenseScorer as DenseScorer
    from zeroseg.detection.detector import Detector as Detector
    from zeroseg.detection.grounding_dino import GroundingDino as GroundingDino
    from zeroseg.detection.official_grounding_dino import (
        OfficialGroundingDino as OfficialGroundingDino,
    )
    from zeroseg.errors import ChatError as ChatError
    from zeroseg.errors import CheckpointNotFound as CheckpointNotFound
    from zeroseg.errors import ComponentError as ComponentError
    from zeroseg.errors import ImageError as ImageError
    from zeroseg.errors import MissingKeyError as MissingKeyError
    from zeroseg.errors import PresetError as PresetError
    from zeroseg.errors import VocabularyError as VocabularyError
    from zeroseg.errors import ZerosegError as ZerosegError
    from zeroseg.evaluation.evaluate import Run as Run
    from zeroseg.evaluation.evaluate import evaluate as evaluate
    from zeroseg.evaluation.few_shot import draw_examples as draw_examples
    from zeroseg.fusion.fusion import Fusion as Fusion
    from zeroseg.fusion.highest_score import HighestScore as HighestScore
    from zeroseg.fusion.published import PublishedOverlap as PublishedOverlap
    from zeroseg.images import read_image as read_image
    from zeroseg.masking.detector_masks import DetectorMasks as DetectorMasks
    from zeroseg.masking.mask_predictor import MaskPredictor as MaskPredictor
    from zeroseg.masking.official_sam import OfficialSam as OfficialSam
    from zeroseg.masking.point_sampler import PointSampler as PointSampler
    from zeroseg.masking.points import QueryCentres as QueryCentres
    from zeroseg.masking.points import SpreadPoints as SpreadPoints
    from zeroseg.masking.points import TopLogits as TopLogits
    from zeroseg.masking.sam import Sam as Sam
    from zeroseg.masking.sam_hq import SamHq as SamHq
    from zeroseg.metrics.pixel_counts import PixelCounts as PixelCounts
    from zeroseg.metrics.pixel_counts import count_pixels as count_pixels
    from zeroseg.metrics.protocol import Protocol as Protocol
    from zeroseg.metrics.segmentation_scores import SegmentationScores as SegmentationScores
    from zeroseg.metrics.segmentation_scores import summarize as summarize
    from zeroseg.offloaded import offload as offload
    from zeroseg.recognition.blip2 import Blip2 as Blip2
    from zeroseg.recognition.captioner import Captioner as Captioner
    from zeroseg.recognition.ram_plus import RamPlus as RamPlus
    from zeroseg.recognition.tagger import Tagger as Tagger
    from zeroseg.refinement.all_classes import AllClasses as AllClasses
    from zeroseg.refinement.exact_post_refiner import ExactPostRefiner as ExactPostRefiner
    from zeroseg.refinement.examples import Example as Example
    from zeroseg.refinement.examples import explain as explain
    from zeroseg.refinement.given_labels import GivenLabels as GivenLabels
    from zeroseg.refinement.lexical_post_refiner import LexicalPostRefiner as LexicalPostRefiner
    from zeroseg.refinement.lexical_pre_refiner import LexicalPreRefiner as LexicalPreRefiner
    from zeroseg.refinement.llm_post_refiner import LLMPostRefiner as LLMPostRefiner
    from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner as LLMPreRefiner
    from zeroseg.refinement.post_refiner import PostRefiner as PostRefiner
    from zeroseg.refinement.pre_refiner import PreRefiner as PreRefiner
    from zeroseg.refinement.raw_tags import RawTags as RawTags
    from zeroseg.refinement.verifier import Verifier as Verifier
    from zeroseg.running.stage import Stage as Stage
    from zeroseg.scale.dataset import Pool as Pool
    from zeroseg.scale.dataset import segment_dataset as segment_dataset
    from zeroseg.segmentation import Segmentation as Segmentation
    from zeroseg.segmenter import ZeroShotSegmenter as ZeroShotSegmenter
    from zeroseg.values import DenseScores as DenseScores
    from zeroseg.values import Description as Description
    from zeroseg.values import Detections as Detections
    from zeroseg.values import Exchange as Exchange
    from zeroseg.values import Failure as Failure
    from zeroseg.values import Geometry as Geometry
    from zeroseg.values import Masks as Masks
    from zeroseg.values import Points as Points
    from zeroseg.values import Queries as Queries
    from zeroseg.values import Resolution as Resolution
    from zeroseg.values import Selection as Selection
    from zeroseg.values import Tag as Tag
    from zeroseg.values import Trace as Trace
    from zeroseg.values import Usage as Usage
    from zeroseg.vocabulary import Vocabulary as Vocabulary


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'zeroseg' has no attribute '{name}'")
    return getattr(import_module(f"zeroseg.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
