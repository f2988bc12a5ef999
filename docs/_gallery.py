"""The gallery: every figure, the command that draws it, and the same in Python."""

from __future__ import annotations

from pathlib import Path

from tangent_bench import registry

ROOT = Path(__file__).parents[1]
PUBLISHED = "results/published"
# Presets whose published figures are shown; the first that has one is taken.
SHOWN = (
    "tiny",
    "three_models",
    "methods",
    "claims",
    "emergence",
    "cost",
    "training_modes",
)
WIDTH = "3.25in"
HEAD = """\
# Gallery

Every figure that is published with the suite, the command that draws it from the published rows for
a column of print, and the same in Python. The pictures have the width of the results page.
[What else can be asked for](../how-to/figures-for-a-paper.md); captions are in the
[reference](figures.md).
"""
ENTRY = """\
## {title}

![{name}](../published/{preset}/figures/{name}.svg)

```text
tangent-bench figure {name} --results {folder} --width {width}
```

```python
import tangent_bench as tb

run = tb.open("{folder}")
tb.save(run.figure("{name}", width="{width}"), "{name}.pdf")
```
"""


def preset_of(name: str) -> str | None:
    """The preset whose published figure is shown; None where there is none."""
    for preset in SHOWN:
        if (ROOT / PUBLISHED / preset / f"figures/{name}.svg").is_file():
            return preset
    return None


def page() -> str:
    """The gallery as Markdown."""
    parts = [HEAD]
    for name, module in registry.every("figures").items():
        preset = preset_of(name)
        if preset is not None:
            folder = f"{PUBLISHED}/{preset}"
            title = module.FIGURE.title
            parts.append(
                ENTRY.format(title=title, name=name, preset=preset, folder=folder, width=WIDTH)
            )
    return "\n".join(parts)
