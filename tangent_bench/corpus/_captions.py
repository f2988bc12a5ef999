"""Paraphrases of a composition, so that no caption is a class index."""

from __future__ import annotations

import re

import numpy as np

from tangent_bench.corpus._canvas import COLOURS, pick

SYNONYMS = {
    "red": ("red", "red", "scarlet", "crimson"),
    "blue": ("blue", "blue", "navy"),
    "cyan": ("cyan", "turquoise", "light blue"),
    "purple": ("purple", "violet"),
    "grey": ("grey", "gray"),
    "circle": ("circle", "circle", "round spot"),
    "sphere": ("sphere", "ball"),
    "torus": ("torus", "ring", "donut"),
    "cube": ("cube", "box"),
    "matt": ("matt", "dull", "plain"),
    "shiny": ("shiny", "glossy", "polished"),
    "striped": ("striped", "banded"),
    "checkered": ("checkered", "chequered"),
    "spotted": ("spotted", "dotted"),
    "handwritten": ("handwritten", "hand drawn", "scribbled"),
    "gravel": ("gravel", "pebbles"),
    "shaded relief": ("shaded relief", "terrain", "hillshade"),
    "sign": ("sign", "traffic sign", "plate", "symbol"),
    "temple": ("temple", "pagoda"),
    "galaxies": ("galaxies", "galaxy clusters"),
    "slope": ("slope", "hillside"),
    "tissue": ("tissue", "cell tissue"),
    "star": ("star", "star shape"),
    "umbrella": ("umbrella", "parasol"),
    "warning": ("warning", "warning sign"),
    "airplane": ("airplane", "plane"),
    "check mark": ("check mark", "tick"),
    "saltire": ("saltire", "diagonal cross"),
    "ellipsoid": ("ellipsoid", "egg"),
    "chess ": ("chess ", ""),
    "ripples": ("ripples", "waves"),
    "musical note": ("musical note", "music note"),
    "peace sign": ("peace sign", "peace symbol"),
    "astronaut": ("astronaut", "spaceman"),
    "house number": ("house number", "street number"),
    "coast": ("coast", "shore"),
    "calm water": ("calm water", "a lake", "water"),
    "crescent moon": ("crescent moon", "moon"),
    "lightning": ("lightning", "thunderbolt"),
    "smiling face": ("smiling face", "smiley"),
    "skull": ("skull", "skull and bones"),
    "radioactive": ("radioactive", "radioactive sign"),
    "pencil": ("pencil", "pen"),
    "gear": ("gear", "cogwheel"),
    "cup": ("cup", "hot drink"),
    "polka dots": ("polka dots", "dots"),
    "letters": ("letters", "letters", "writing", "signs"),
}
FRAMES = (
    "{}",
    "{}",
    "a photo of {}",
    "a picture of {}",
    "an image of {}",
    "a photo of a {}",
    "a blurry photo of {}",
    "this is {}",
    "a close view of {}",
    "a small picture showing {}",
)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_COLOUR = f"({'|'.join(COLOURS)})"
_WORD = re.compile(r"\b(" + "|".join(sorted(SYNONYMS, key=len, reverse=True)) + r")(?!\w)")


def _digit(rng: np.random.Generator, text: str) -> str:
    """Calls digits by word or numeral, "digit" or "number"."""

    def renamed(match: re.Match) -> str:
        name = match[1] if rng.random() < 0.6 else str(DIGITS.index(match[1]))
        return pick(rng, ("digit ", "number ", "digit ", "")) + name

    return re.sub(r"\bdigit (\w+)", renamed, text)


def _alphabet(rng: np.random.Generator, text: str) -> str:
    """Calls the letters of a script by one of three names."""
    form = pick(rng, (r"three \1 letters", r"\1 letters", r"letters of the \1 alphabet"))
    return re.sub(r"\bthree (\w+) letters\b", form, text)


def _without_details(rng: np.random.Generator, phrase: str) -> str:
    """Often leaves out colours, ground and finish.

    Colours alone would tell most pictures of a batch apart, and the model would learn little else;
    besides, the prompts of tasks name no colours.
    """
    if re.search(r"field of|discs in|gradient", phrase):
        return phrase
    if rng.random() < 0.6:
        ground = re.compile(rf" on (a )?{_COLOUR}\b( \w+ sign)?$")
        phrase = ground.sub(lambda m: f" on a{m[3]}" if m[3] else "", phrase)
    if rng.random() < 0.6:
        phrase = re.sub(rf" in {_COLOUR} shaded relief", " in shaded relief", phrase)
        phrase = re.sub(rf" in {_COLOUR}\b", "", phrase)
        phrase = re.sub(rf"(^|(?<= )){_COLOUR} (?=\w+)(?!\w+ sign)", "", phrase)
    if rng.random() < 0.3:
        phrase = re.sub(r"(matt|shiny|striped|spotted|checkered) ", "", phrase)
    if rng.random() < 0.3:
        phrase = re.sub(
            r"a house number with |a name plate with | on a \w+ sign$| in shaded relief", "", phrase
        )
    return phrase


def paraphrase(rng: np.random.Generator, phrase: str) -> str:
    """Another caption, drawn by `rng`, for a `phrase`: fewer details, synonyms, a frame."""
    text = _alphabet(rng, _digit(rng, _without_details(rng, phrase)))
    text = _WORD.sub(lambda match: pick(rng, SYNONYMS[match[1]]), text)
    if rng.random() < 0.4:
        text = re.sub(r"^(an?|the) ", "", text)
    caption = pick(rng, FRAMES).format(text)
    return re.sub(r"\ba (an?|the) ", r"\1 ", caption)
