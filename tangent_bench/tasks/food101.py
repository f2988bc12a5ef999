"""Food101: 101 dishes.

Labels are in alphabetical order.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
CLASS_NAMES = (
    "apple pie", "baby back ribs", "baklava", "beef carpaccio", "beef tartare", "beet salad",
    "beignets", "bibimbap", "bread pudding", "breakfast burrito", "bruschetta", "caesar salad",
    "cannoli", "caprese salad", "carrot cake", "ceviche", "cheese plate", "cheesecake",
    "chicken curry", "chicken quesadilla", "chicken wings", "chocolate cake", "chocolate mousse",
    "churros", "clam chowder", "club sandwich", "crab cakes", "creme brulee", "croque madame",
    "cup cakes", "deviled eggs", "donuts", "dumplings", "edamame", "eggs benedict", "escargots",
    "falafel", "filet mignon", "fish and chips", "foie gras", "french fries", "french onion soup",
    "french toast", "fried calamari", "fried rice", "frozen yogurt", "garlic bread", "gnocchi",
    "greek salad", "grilled cheese sandwich", "grilled salmon", "guacamole", "gyoza", "hamburger",
    "hot and sour soup", "hot dog", "huevos rancheros", "hummus", "ice cream", "lasagna",
    "lobster bisque", "lobster roll sandwich", "macaroni and cheese", "macarons", "miso soup",
    "mussels", "nachos", "omelette", "onion rings", "oysters", "pad thai", "paella", "pancakes",
    "panna cotta", "peking duck", "pho", "pizza", "pork chop", "poutine", "prime rib",
    "pulled pork sandwich", "ramen", "ravioli", "red velvet cake", "risotto", "samosa", "sashimi",
    "scallops", "seaweed salad", "shrimp and grits", "spaghetti bolognese", "spaghetti carbonara",
    "spring rolls", "steak", "strawberry shortcake", "sushi", "tacos", "takoyaki", "tiramisu",
    "tuna tartare", "waffles",
)
# fmt: on
TASK = Task(
    title="Food101",
    class_names=CLASS_NAMES,
    templates=("a photo of {}, a type of food.",),
    kind="real",
    source="Food-101 (Bossard et al. 2014); class names and prompts: "
    "openai/CLIP, data/prompts.md. Never downloaded here: counts, columns and order of labels are "
    "as others state them; revision: embeddings-benchmark/mteb",
    licence="not stated",
)
ORIGIN = Origin(
    hub="ethz/food101",
    revision="e06acf2a88084f04bce4d4a525165d68e0a36c38",
    splits={"train": "train", "test": "validation"},
    counts={"train": 70_750, "val": 5_000, "test": 25_250},
    folders=("food101",),
    advice="torchvision.datasets.Food101 downloads it; its images can be saved as "
    "train/<class>/*.png and test/<class>/*.png",
)
