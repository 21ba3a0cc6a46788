"""The names of the package, and where they are."""

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
