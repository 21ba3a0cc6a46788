"""Built-in vocabularies: names, file ids, colours and ignore values as published."""

from __future__ import annotations

import difflib
import re

from zeroseg.drawn.world import THINGS
from zeroseg.vocabulary import Vocabulary, pascal_color

_VOC_NAMES = (
    "background aeroplane bicycle bird boat bottle bus car cat chair cow dining-table dog "
    "horse motorbike person potted-plant sheep sofa train tv-monitor"
).split()

VOC2012 = Vocabulary.from_names(
    _VOC_NAMES,
    colors=[pascal_color(i) for i in range(21)],
    aliases={
        "aeroplane": ["airplane"],
        "dining-table": ["diningtable"],
        "motorbike": ["motorcycle"],
        "potted-plant": ["pottedplant"],
        "sofa": ["couch"],
        "tv-monitor": ["tvmonitor", "television", "tv", "monitor"],
    },
    name="voc2012",
)
"""PASCAL VOC 2012: background and 20 classes; 255 is void."""

_DRAM_NAMES = (
    "background bird boat bottle cat chair cow dog horse person potted-plant sheep"
).split()

DRAM = Vocabulary.from_names(
    _DRAM_NAMES,
    ids=[_VOC_NAMES.index(name) for name in _DRAM_NAMES],
    colors=[pascal_color(_VOC_NAMES.index(name)) for name in _DRAM_NAMES],
    name="dram",
)
"""DRAM (Cohen et al. 2022): background and 11 classes under their VOC ids; 255 is ignored."""

_CITYSCAPES = {
    "unlabeled": (0, (0, 0, 0)),
    "road": (7, (128, 64, 128)),
    "sidewalk": (8, (244, 35, 232)),
    "building": (11, (70, 70, 70)),
    "wall": (12, (102, 102, 156)),
    "fence": (13, (190, 153, 153)),
    "pole": (17, (153, 153, 153)),
    "traffic-light": (19, (250, 170, 30)),
    "traffic-sign": (20, (220, 220, 0)),
    "vegetation": (21, (107, 142, 35)),
    "terrain": (22, (152, 251, 152)),
    "sky": (23, (70, 130, 180)),
    "person": (24, (220, 20, 60)),
    "rider": (25, (255, 0, 0)),
    "car": (26, (0, 0, 142)),
    "truck": (27, (0, 0, 70)),
    "bus": (28, (0, 60, 100)),
    "train": (31, (0, 80, 100)),
    "motorcycle": (32, (0, 0, 230)),
    "bicycle": (33, (119, 11, 32)),
}

CITYSCAPES = Vocabulary.from_names(
    list(_CITYSCAPES),
    background="unlabeled",
    ids=[number for number, _ in _CITYSCAPES.values()],
    colors=[color for _, color in _CITYSCAPES.values()],
    name="cityscapes",
)
"""Cityscapes: the 19 evaluated classes under their raw label ids, and unlabeled."""

_COCO_THINGS = (
    "person bicycle car motorcycle airplane bus train truck boat traffic-light fire-hydrant "
    "stop-sign parking-meter bench bird cat dog horse sheep cow elephant bear zebra giraffe "
    "backpack umbrella handbag tie suitcase frisbee skis snowboard sports-ball kite "
    "baseball-bat baseball-glove skateboard surfboard tennis-racket bottle wine-glass cup "
    "fork knife spoon bowl banana apple sandwich orange broccoli carrot hot-dog pizza donut "
    "cake chair couch potted-plant bed dining-table toilet tv laptop mouse remote keyboard "
    "cell-phone microwave oven toaster sink refrigerator book clock vase scissors teddy-bear "
    "hair-drier toothbrush"
).split()
_COCO_GAPS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
_COCO_IDS = (0, *(number for number in range(1, 91) if number not in _COCO_GAPS))

COCO81 = Vocabulary.from_names(
    ("unlabeled", *_COCO_THINGS),
    ids=_COCO_IDS,
    colors=[pascal_color(number) for number in _COCO_IDS],
    name="coco81",
)
"""COCO-81: the 80 things under their published ids (1..90 with gaps), and unlabeled."""

_ADE20K = """
wall building sky floor tree ceiling road bed windowpane grass cabinet sidewalk person earth door
table mountain plant curtain chair car water painting sofa shelf house sea mirror rug field armchair
seat fence desk rock wardrobe lamp bathtub railing cushion base box column signboard
chest-of-drawers counter sand sink skyscraper fireplace refrigerator grandstand path stairs runway
case pool-table pillow screen-door stairway river bridge bookcase blind coffee-table toilet flower
book hill bench countertop stove palm kitchen-island computer swivel-chair boat bar arcade-machine
hovel bus towel light truck tower chandelier awning streetlight booth television airplane dirt-track
apparel pole land bannister escalator ottoman bottle buffet poster stage van ship fountain
conveyer-belt canopy washer plaything swimming-pool stool barrel basket waterfall tent bag minibike
cradle oven ball food step tank trade-name microwave pot animal bicycle lake dishwasher screen
blanket sculpture hood sconce vase traffic-light tray ashcan fan pier crt-screen plate monitor
bulletin-board shower radiator glass clock flag
""".split()

ADE20K = Vocabulary.from_names(
    ("other", *_ADE20K),
    aliases={
        "windowpane": ["window"],
        "sidewalk": ["pavement"],
        "sofa": ["couch"],
        "rug": ["carpet"],
        "signboard": ["sign"],
        "wardrobe": ["closet"],
        "chest-of-drawers": ["chest", "dresser"],
        "hovel": ["hut", "shack"],
        "streetlight": ["street lamp"],
        "television": ["tv"],
        "airplane": ["aeroplane", "plane"],
        "apparel": ["clothes"],
        "bannister": ["banister", "handrail"],
        "conveyer-belt": ["conveyor belt"],
        "washer": ["washing machine"],
        "plaything": ["toy"],
        "minibike": ["motorbike"],
        "trade-name": ["brand name"],
        "pot": ["flowerpot"],
        "ashcan": ["trash can", "garbage can"],
    },
    name="ade20k",
)
"""ADE20K: the 150 classes of the scene parsing challenge of 2016 under their ids 1..150, each by
the first of its published names, and "other" (id 0), which the challenge does not score."""

DRAWN = Vocabulary.from_names(
    ("background", *(name.replace(" ", "-") for name in THINGS)), name="drawn"
)
"""All objects of the drawn world."""

BUILT_IN = {v.name: v for v in (DRAM, VOC2012, CITYSCAPES, COCO81, ADE20K, DRAWN)}
"""Built-in vocabularies by name."""

_NICKNAMES = {
    "voc2012": ("voc", "pascal", "pascalvoc"),
    "coco81": ("coco", "mscoco", "cocothings", "cocostuff"),
    "cityscapes": ("cityscape", "cityscapes"),
    "ade20k": ("ade", "adek"),
}
_LONG = ("voc2012", "coco81", "cityscapes", "ade20k")  # "drawn" and "dram" are near real words
_ELSEWHERE = ("imagenet", "lvis", "kitti", "camvid", "mapillary", "openimages", "pascalcontext")


def near_miss(text: str) -> str | None:
    """A question, where a word alone is nearly the name of a vocabulary; else None."""
    if not re.fullmatch(r"[\w\s-]+", text):
        return None
    word = re.sub(r"[\W_]", "", text.casefold())
    letters = re.sub("[0-9]", "", word)
    meant = [name for name, short in _NICKNAMES.items() if letters in short]
    meant = meant or difflib.get_close_matches(word, _LONG, n=1, cutoff=0.8)
    if not meant and letters not in _ELSEWHERE:
        return None
    question = f"; did you mean {meant[0]}?" if meant else "."
    return (
        f"there is no vocabulary '{text}'{question} There are {', '.join(BUILT_IN)}. "
        f"For one class of that name write ['{text}']"
    )
