"""The names of the package, and where they are."""

from zeroseg.export.adapters import to_fiftyone as to_fiftyone
from zeroseg.export.adapters import to_supervision as to_supervision
from zeroseg.export.export_format import ExportFormat as ExportFormat
from zeroseg.export.exporting import export_results as export_results
from zeroseg.export.formats import FORMATS as FORMATS
from zeroseg.export.picture import LabelledPicture as LabelledPicture
from zeroseg.export.regions import Region as Region
from zeroseg.export.report import ExportReport as ExportReport
