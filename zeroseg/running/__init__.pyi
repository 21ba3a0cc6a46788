"""The names of the package, and where they are."""

from zeroseg.running.stage import Stage as Stage
from zeroseg.running.stage_cache import StageCache as StageCache
from zeroseg.running.stage_event import StageEvent as StageEvent
