"""Whatever YAML can hold as a config is accepted, or answered by one sentence of what looks at it
before a job runs.
"""

from __future__ import annotations

import copy
import datetime
import string
from collections.abc import Callable, Iterator

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.whole_config import FULL, answer, deep, is_a_sentence, nothing_is_written

ODD_NAMES = [
    "..", "../x", "a/b", "/etc/passwd", "a b", " a", "a ", "a\n", "a\nb", "a\0", "a\x1b[31m", "",
    ".", "-a", "1", "a" * 60, "a" * 5000, "é", "名前", "\u202egnp", "a\u2028b", "\ud800", "null",
    "~", "*", "{task}", "{{}}", "$(id)", "`id`", "<script>", "a|b", "a'b", 'a"b', "a\\b", "CON",
    "multitask", "all", "tiny", "mnist", "a+b", "+", "ties+ties", "a.b", "#", "%s",
]  # fmt: skip
HUGE = [2**63 - 1, 2**63, -(2**63), 10**30, 10**400, -(10**400), 10**5000]
FLOATS = [float("nan"), float("inf"), -float("inf"), 1e308, 5e-324, -0.0, 0.5, 1.0, 1e6]
YAML_TEXTS = [
    "2026-01-01", "2026-01-01 10:00:00", "yes", "no", "on", "off", "~", "0o17", "017", "0x1F",
    "1_000", "1e-5", "1:30", ".nan", ".inf", "!!binary aGk=", "!!set {a, b}", "{}", "[]", "[[]]",
    "[null]", "{1: 2}", "{yes: 1}", "{2026-01-01: 1}", "&a [*a]", "&a {b: *a}",
    "'" + "1" * 5000 + "'", "[a, a]", "[0, 0.0]", "[0, -0]", "{null: 1}", "? {a: 1}\n: 2",
    "|\n a\n b\n", '"\\0"', '"\\e[2J"', '"\\ud800"', "{name: ties, 1: 2}",
    "{name: ties, keep: .nan}", "{name: ties, keep: yes}", "1.0", "-1", "1e999",
]  # fmt: skip


def _loaded(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError):  # Snakemake's and our reader of files say that
        return text


def _bomb() -> list:
    """Nine references to nine references to ...: 10^9 values in a few bytes."""
    value: list = ["x"] * 9
    for _ in range(8):
        value = [value] * 9
    return value


odd = st.one_of(
    st.sampled_from(ODD_NAMES),
    st.sampled_from(HUGE),
    st.sampled_from(FLOATS),
    st.sampled_from(YAML_TEXTS).map(_loaded),
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            -1,
            1,
            2,
            b"x",
            datetime.date(2026, 1, 1),
            set("ab"),
            (1, 2),
            deep(500),
            _bomb(),
        ]
    ),
    st.text(max_size=20),
    st.text(string.ascii_letters + "_-./", min_size=1, max_size=12),
    st.integers(),
    st.floats(),
    st.lists(st.sampled_from(ODD_NAMES), max_size=3),
    st.lists(st.integers(-2, 3), max_size=3),
)


def places(value: object, path: tuple = ()) -> Iterator[tuple]:
    """Paths of all that is in a config."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


PLACES = sorted(places(FULL), key=str)


@st.composite
def changes(draw) -> tuple[list, Callable[[dict], None]]:
    """One mutation: the keys that it is at, from the outside to the inside, and what does it."""
    *parents, last = draw(st.sampled_from(PLACES))
    kind = draw(st.sampled_from(["value"] * 6 + ["new key", "key", "missing", "twice"]))
    value, key = (
        draw(odd),
        draw(st.one_of(odd, st.sampled_from(["tasks", "name", "title", "seedz"]))),
    )

    def change(config: dict) -> None:
        place = config
        for part in parents:
            place = place[part]
        if kind == "value":
            place[last] = value
        elif kind == "missing":
            del place[last]
        elif isinstance(place, list):
            place.append(place[last] if kind == "twice" else value)
        elif kind == "key" and _hashable(key):
            place[key] = place.pop(last)
        elif kind == "new key" and _hashable(key):
            place[key] = value

    return [*parents, last, *([key] if "key" in kind and isinstance(key, str) else [])], change


def _hashable(key: object) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True


def names(text: str, given: list) -> bool:
    """Whether a sentence says what it is about: a key, or the section that it is in by a name that
    people use.
    """
    known = {*map(str, given), given[0].rstrip("s"), given[0].replace("trainings", "training")}
    shown = [repr(name)[1:-1][:30].lower() or "''" for name in known if not name.isdigit()]
    return any(each in text.lower() for each in shown) or "has the key" in text


def _check(found) -> None:
    config = copy.deepcopy(FULL)
    where, change = found
    change(config)
    text = answer(config)
    assert not text or is_a_sentence(text), text
    assert not text or names(text, where), (where, text)


def _check_many(found) -> None:
    config = copy.deepcopy(FULL)
    for _, change in found:
        try:
            change(config)
        except (
            KeyError,
            IndexError,
            TypeError,
            AttributeError,
        ):  # an earlier one took its place away
            continue
    text = answer(config)
    assert not text or is_a_sentence(text), text


@pytest.fixture(scope="module", autouse=True)
def empty_folder(tmp_path_factory):
    with nothing_is_written(tmp_path_factory.mktemp("empty")):
        yield


QUICK = settings(
    max_examples=70, deadline=None, derandomize=True, phases=[Phase.generate], database=None
)
MORE = settings(
    max_examples=700, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def test_the_config_itself_is_accepted():
    assert answer(copy.deepcopy(FULL)) == ""


@given(changes())
@QUICK
def test_a_wrong_config_is_one_sentence(found):
    _check(found)


@given(st.lists(changes(), min_size=2, max_size=4))
@settings(QUICK, max_examples=30)
def test_a_config_with_several_mistakes_is_one_sentence(found):
    _check_many(found)


@pytest.mark.full
@given(changes())
@MORE
def test_any_wrong_config_is_one_sentence(found):
    _check(found)


@pytest.mark.full
@given(st.lists(changes(), min_size=2, max_size=5))
@MORE
def test_any_config_with_several_mistakes_is_one_sentence(found):
    _check_many(found)
