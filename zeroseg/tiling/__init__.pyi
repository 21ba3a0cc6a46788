"""The names of the package, and where they are."""

from zeroseg.tiling.geotiff import is_too_large as is_too_large
from zeroseg.tiling.geotiff import segment_geotiff as segment_geotiff
from zeroseg.tiling.parts import tiled as tiled
from zeroseg.tiling.parts import tiling_of as tiling_of
from zeroseg.tiling.tiled_detector import TiledDetector as TiledDetector
from zeroseg.tiling.tiled_fusion import TiledFusion as TiledFusion
from zeroseg.tiling.tiled_masks import TiledMasks as TiledMasks
from zeroseg.tiling.tiled_predictor import TiledPredictor as TiledPredictor
from zeroseg.tiling.tiled_recognition import TiledTagger as TiledTagger
from zeroseg.tiling.tiled_recognition import TiledVerifier as TiledVerifier
from zeroseg.tiling.tiled_scorer import TiledScorer as TiledScorer
from zeroseg.tiling.windows import Tiling as Tiling
from zeroseg.tiling.windows import Window as Window
