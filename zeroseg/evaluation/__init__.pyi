"""The names of the package, and where they are."""

from zeroseg.evaluation.ablation import AblationReport as AblationReport
from zeroseg.evaluation.compare import Comparison as Comparison
from zeroseg.evaluation.evaluate import Run as Run
from zeroseg.evaluation.few_shot import sample_examples as sample_examples
from zeroseg.evaluation.oracle import OracleReport as OracleReport
from zeroseg.evaluation.prediction_files import PredictionFiles as PredictionFiles
from zeroseg.evaluation.record import ImageRecord as ImageRecord
