"""The names of the package, and where they are."""

from zeroseg.comparing.difference import Difference as Difference
from zeroseg.comparing.difference import compare_label_maps as compare_label_maps
from zeroseg.comparing.folders import ComparedFolders as ComparedFolders
from zeroseg.comparing.folders import compare_folders as compare_folders
