"""Flowers102: 102 kinds of flowers.

Labels are in the order of the data set's own numbers, which is that of CLIP's list; the hub copy
calls two of them otherwise.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
CLASS_NAMES = (
    "pink primrose", "hard-leaved pocket orchid", "canterbury bells", "sweet pea",
    "english marigold", "tiger lily", "moon orchid", "bird of paradise", "monkshood",
    "globe thistle", "snapdragon", "colt's foot", "king protea", "spear thistle", "yellow iris",
    "globe flower", "purple coneflower", "peruvian lily", "balloon flower",
    "giant white arum lily", "fire lily", "pincushion flower", "fritillary", "red ginger",
    "grape hyacinth", "corn poppy", "prince of wales feathers", "stemless gentian", "artichoke",
    "sweet william", "carnation", "garden phlox", "love in the mist", "mexican aster",
    "alpine sea holly", "ruby-lipped cattleya", "cape flower", "great masterwort", "siam tulip",
    "lenten rose", "barbeton daisy", "daffodil", "sword lily", "poinsettia", "bolero deep blue",
    "wallflower", "marigold", "buttercup", "oxeye daisy", "common dandelion", "petunia",
    "wild pansy", "primula", "sunflower", "pelargonium", "bishop of llandaff", "gaura",
    "geranium", "orange dahlia", "pink and yellow dahlia", "cautleya spicata", "japanese anemone",
    "black-eyed susan", "silverbush", "californian poppy", "osteospermum", "spring crocus",
    "bearded iris", "windflower", "tree poppy", "gazania", "azalea", "water lily", "rose",
    "thorn apple", "morning glory", "passion flower", "lotus", "toad lily", "anthurium",
    "frangipani", "clematis", "hibiscus", "columbine", "desert-rose", "tree mallow", "magnolia",
    "cyclamen", "watercress", "canna lily", "hippeastrum", "bee balm", "air plant", "foxglove",
    "bougainvillea", "camellia", "mallow", "mexican petunia", "bromelia", "blanket flower",
    "trumpet creeper", "blackberry lily",
)
# fmt: on
OTHER_NAMES = {"pink and yellow dahlia": "pink-yellow dahlia?", "air plant": "ball moss"}
TASK = Task(
    title="Flowers102",
    class_names=CLASS_NAMES,
    templates=("a photo of a {}, a type of flower.",),
    kind="real",
    source="Oxford Flowers 102 (Nilsback and Zisserman 2008): its 1,020 training images, of which "
    "a tenth is cut off for validation as in nik-dim/tall_masks, and its 6,149 test images; its "
    "own validation images are not used; class names and prompts: openai/CLIP, data/prompts.md. "
    "Never downloaded here: counts, columns and order of labels are as others state them, and the "
    "hub copy's revision is not pinned",
    licence="not stated",
)
ORIGIN = Origin(
    hub="dpdl-benchmark/oxford_flowers102",
    counts={"train": 918, "val": 102, "test": 6_149},
    folders=("flowers102", "oxford_flowers102"),
    folder_names=tuple(OTHER_NAMES.get(name, name) for name in CLASS_NAMES),
    advice="torchvision.datasets.Flowers102 downloads it; its images can be saved as "
    "train/<class>/*.png and test/<class>/*.png",
)
