"""Tasks of texts: one file for each. A module has `TASK` and `load(split)`.

Texts of different splits share no text, no near-copy and no unit; every text of val and test is of
a unit of its own. `assets/LICENCES.md` says whose texts they are. `make texts` builds the
tables from pinned packages; no run needs it.

Legend of shape suffixes: N texts.
"""

from __future__ import annotations

from tangent_bench.texts._tables import LabelledTexts

__all__ = ["CONTROL", "LabelledTexts"]
CONTROL = "things"  # for negation; not among the tasks that are learned
