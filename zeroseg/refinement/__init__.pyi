"""The names of the package, and where they are."""

from zeroseg.refinement.all_classes import AllClasses as AllClasses
from zeroseg.refinement.encoder_verifier import EncoderVerifier as EncoderVerifier
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
from zeroseg.refinement.presence_thresholds import ClassThreshold as ClassThreshold
from zeroseg.refinement.presence_thresholds import PresenceThresholds as PresenceThresholds
from zeroseg.refinement.raw_tags import RawTags as RawTags
from zeroseg.refinement.reviewer import Review as Review
from zeroseg.refinement.reviewer import Reviewer as Reviewer
from zeroseg.refinement.seen_things import SeenThings as SeenThings
from zeroseg.refinement.seen_things import seen_vocabulary as seen_vocabulary
from zeroseg.refinement.verifier import Verifier as Verifier
from zeroseg.refinement.vision_reviewer import VisionReviewer as VisionReviewer
from zeroseg.refinement.vision_verifier import VisionVerifier as VisionVerifier
