"""The names of the package, and where they are."""

from zeroseg.data.ade20k import Ade20k as Ade20k
from zeroseg.data.ade847 import Ade847 as Ade847
from zeroseg.data.catalog import open_data as open_data
from zeroseg.data.cityscapes import Cityscapes as Cityscapes
from zeroseg.data.coco81 import Coco81 as Coco81
from zeroseg.data.coco_object import CocoObject as CocoObject
from zeroseg.data.coco_stuff import CocoStuff as CocoStuff
from zeroseg.data.dram import Dram as Dram
from zeroseg.data.drawn_scenes import DrawnScenes as DrawnScenes
from zeroseg.data.image_mask_folder import ImageMaskFolder as ImageMaskFolder
from zeroseg.data.lvis import Lvis as Lvis
from zeroseg.data.pascal_context import Context59 as Context59
from zeroseg.data.pascal_context import Context60 as Context60
from zeroseg.data.pascal_context import Context459 as Context459
from zeroseg.data.sample import Regions as Regions
from zeroseg.data.sample import Sample as Sample
from zeroseg.data.sample import Truth as Truth
from zeroseg.data.sample_data import SampleData as SampleData
from zeroseg.data.sample_data import Samples as Samples
from zeroseg.data.voc2012 import Voc20 as Voc20
from zeroseg.data.voc2012 import Voc2012 as Voc2012
