"""OxfordIIITPet: 37 breeds of cats and dogs.

Labels are in the alphabetical order of the data set's own names, without case; CLIP's list has
another order.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
CLASS_NAMES = (
    "Abyssinian", "american bulldog", "american pit bull terrier", "basset hound", "beagle",
    "Bengal", "Birman", "Bombay", "boxer", "British Shorthair", "chihuahua", "Egyptian Mau",
    "english cocker spaniel", "english setter", "german shorthaired", "great pyrenees",
    "havanese", "japanese chin", "keeshond", "leonberger", "Maine Coon", "miniature pinscher",
    "newfoundland", "Persian", "pomeranian", "pug", "Ragdoll", "Russian Blue", "saint bernard",
    "samoyed", "scottish terrier", "shiba inu", "Siamese", "Sphynx", "staffordshire bull terrier",
    "wheaten terrier", "yorkshire terrier",
)
# fmt: on
TASK = Task(
    title="OxfordIIITPet",
    class_names=CLASS_NAMES,
    templates=("a photo of a {}, a type of pet.",),
    kind="real",
    source="Oxford-IIIT Pet (Parkhi et al. 2012), trainval and test; class names and prompts: "
    "openai/CLIP, data/prompts.md. Never downloaded here: counts, columns and order of labels are "
    "as others state them, and the hub copy's revision is not pinned",
    licence="CC BY-SA 4.0",
)
ORIGIN = Origin(
    hub="timm/oxford-iiit-pet",
    counts={"train": 3_312, "val": 368, "test": 3_669},
    folders=("oxford_pets", "oxford_iiit_pet"),
    advice="torchvision.datasets.OxfordIIITPet downloads it; its images can be saved as "
    "train/<class>/*.png and test/<class>/*.png",
)
