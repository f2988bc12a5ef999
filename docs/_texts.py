"""The page that shows what the tasks of texts look like: five examples for each class."""

from __future__ import annotations

from collections import Counter

from tangent_bench import registry, texts
from tangent_bench.texts._tables import FOLDER, lines

NUM_EXAMPLES = 5
HEAD = """\
# Texts

Tasks for an encoder of texts, `things` being the control. {prose}

| task | classes | train | val | test | licence | |
| --- | ---: | ---: | ---: | ---: | --- | --- |
"""


def page() -> str:
    """The table of tasks, and a table of examples for each."""
    paragraph = (texts.__doc__ or "").split("\n\n")[1]
    parts = [HEAD.format(prose=" ".join(paragraph.split()))]
    names = [name for name in registry.names("texts") if (FOLDER / _table(name)).is_file()]
    for name in names:
        parts.append(_line(name))
    for name in names:
        parts += ["\n", _examples(name)]
    return "".join(parts)


def _line(name: str) -> str:
    """What a task is, in a line."""
    task = registry.load("texts", name).TASK
    counts = Counter(line[0] for line in _lines(name))
    sizes = " | ".join(f"{counts[split]:,}" for split in ("train", "val", "test"))
    cells = f"[`{name}`](#{name}) | {len(task.class_names)} | {sizes} | {task.licence}"
    return f"| {cells} | {task.source} |\n"


def _examples(name: str) -> str:
    """Five texts of each class, spread over the alphabet; of a control those of val."""
    task = registry.load("texts", name).TASK
    parts = [f"## {name}\n\nPrompts: {'; '.join(task.templates)}.\n\n| class | texts |\n"]
    parts.append("| --- | --- |\n")
    for class_name in task.class_names:
        found = [line[3] for line in _lines(name) if line[:2] == [task.splits[0], class_name]]
        step = max(1, len(found) // NUM_EXAMPLES)
        shown = " · ".join(_escaped(text) for text in found[step // 2 :: step][:NUM_EXAMPLES])
        parts.append(f"| {class_name} | {shown} |\n")
    return "".join(parts)


def _lines(name: str) -> list[list[str]]:
    return lines(FOLDER / _table(name))


def _table(name: str) -> str:
    return registry.load("texts", name).TABLE


def _escaped(text: str) -> str:
    """A text that Markdown leaves alone.

    >>> _escaped("a|b *c*")
    'a\\\\|b \\\\*c\\\\*'
    """
    for sign in "\\|*_`<[$":
        text = text.replace(sign, f"\\{sign}")
    return text
