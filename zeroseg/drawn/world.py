"""The taxonomy of the drawn world: what can be in a picture, and what else people call it."""

from __future__ import annotations

THINGS: dict[str, tuple[str, ...]] = {
    "person": ("man", "woman", "girl", "boy"),
    "dog": ("hound", "puppy"),
    "cat": ("tabby", "kitten"),
    "bird": ("seagull", "parrot", "duck"),
    "boat": ("rowboat", "sailboat"),
    "bottle": ("wine bottle", "flask"),
    "chair": ("stool", "armchair"),
    "cow": ("bull", "calf"),
    "horse": ("stallion", "pony"),
    "sheep": ("ram", "lamb"),
    "potted plant": ("vase", "cactus"),
    "car": ("taxi", "van"),
    "bicycle": ("bike",),
    "traffic light": ("stoplight",),
    "table": ("desk",),
    "umbrella": ("parasol",),
}
"""Countable classes, each with the fine names that are drawn differently."""

STUFF: tuple[str, ...] = (
    "sky",
    "water",
    "grass",
    "road",
    "building",
    "tree",
    "wall",
    "floor",
    "mountain",
)
"""Uncountable classes: the areas that a setting is made of."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "person": ("human", "people", "pedestrian"),
    "dog": ("canine", "doggy"),
    "cat": ("feline", "kitty"),
    "bird": ("fowl", "birdie"),
    "boat": ("ship", "vessel"),
    "bottle": ("decanter", "carafe"),
    "chair": ("seat",),
    "cow": ("cattle", "bovine"),
    "horse": ("steed", "equine"),
    "sheep": ("ewe", "ovine"),
    "potted plant": ("houseplant", "pot plant"),
    "car": ("automobile", "motorcar"),
    "bicycle": ("cycle", "pushbike"),
    "traffic light": ("traffic signal", "signal light"),
    "table": ("writing table", "worktable"),
    "umbrella": ("sunshade", "brolly"),
    "sky": ("heavens", "clouds"),
    "water": ("lake", "sea"),
    "grass": ("lawn", "meadow"),
    "road": ("street", "asphalt"),
    "building": ("house", "facade"),
    "tree": ("foliage", "leafy tree"),
    "wall": ("indoor wall", "brick wall"),
    "floor": ("flooring", "wooden floor"),
    "mountain": ("hill", "peak"),
}
"""Other common words for a class; none of them is a fine name."""

HYPERNYMS: dict[str, tuple[str, ...]] = {
    "animal": ("dog", "cat", "bird", "cow", "horse", "sheep"),
    "mammal": ("dog", "cat", "cow", "horse", "sheep"),
    "pet": ("dog", "cat"),
    "livestock": ("cow", "horse", "sheep"),
    "vehicle": ("car", "bicycle", "boat"),
    "furniture": ("chair", "table"),
    "container": ("bottle",),
    "plant": ("potted plant", "grass", "tree"),
    "vegetation": ("grass", "tree"),
    "ground": ("grass", "road", "floor"),
}
"""Wider words, each with the classes that it covers."""

NEVER_DRAWN = tuple(
    (
        "elephant, giraffe, zebra, lion, bear, monkey, penguin, snake, fish, whale, butterfly, "
        "train, airplane, helicopter, motorcycle, rocket, tractor, pizza, banana, apple, cake, "
        "sandwich, carrot, guitar, piano, violin, television, keyboard, telephone, camera, "
        "refrigerator, bathtub, toilet, bed, clock, scissors, hammer, toothbrush, suitcase, "
        "teddy bear, football, skateboard"
    ).split(", ")
)
"""Common nouns of which no picture holds an example."""

STYLES: tuple[str, ...] = ("flat", "ink", "watercolour", "oil", "pointillist", "pastel", "poster")
"""The ways in which a finished picture is painted."""

FINE_NAMES: tuple[str, ...] = tuple(name for names in THINGS.values() for name in names)
"""All fine names, in the canonical order of captions."""

CATEGORIES: tuple[str, ...] = (*THINGS, *STUFF)
"""All classes, things first."""

CATEGORY_OF: dict[str, str] = {name: kind for kind, names in THINGS.items() for name in names}
"""The class of each fine name."""
