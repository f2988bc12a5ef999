"""Names of countries, languages, scripts and currencies in other languages, by language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tangent_bench.texts.sources.packages import installed
from tangent_bench.texts.sources.wording import Excerpt, is_fit, tidy

# Latin letters only, as other letters alone would tell the language.
LANGUAGES = {
    "english": "en",
    "spanish": "es",
    "portuguese": "pt",
    "italian": "it",
    "french": "fr",
    "german": "de",
    "dutch": "nl",
    "swedish": "sv",
    "polish": "pl",
    "turkish": "tr",
    "finnish": "fi",
    "hungarian": "hu",
}


def excerpts(folder: Path) -> Iterator[Excerpt]:
    """A name an excerpt; the thing that has it in all languages is its unit.

    `folder` is not read.
    """
    from babel import Locale

    installed("babel", "babel")
    for class_name, code in LANGUAGES.items():
        locale = Locale(code)
        kinds: dict[str, Mapping[str, str]] = {
            "country": locale.territories,
            "language": locale.languages,
            "script": locale.scripts,
            "currency": locale.currencies,
        }
        for kind, names in kinds.items():
            for key, name in names.items():
                if is_fit(name):
                    yield Excerpt(tidy(name), class_name, f"{kind} {key}")
