"""The mutation score of each module: `python -m mutmut results --all true | python -m
tests.mutation`.

A mutant is caught if a test fails with it, and not if the run only took too long. Ends with status
1 where less than `LEAST` of a module's are.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable

LEAST = 0.9


def outcomes(lines: Iterable[str]) -> dict[str, dict[str, str]]:
    """Module → name of a mutant → what became of it.

    >>> outcomes(["    tangent_bench.tangent.vectors.x_dot__mutmut_1: killed", "", "  more"])
    {'tangent.vectors': {'x_dot__mutmut_1': 'killed'}}
    """
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for module, mutant, outcome in re.findall(
        r"tangent_bench\.(\S+)\.(\S+): (.+)", "\n".join(lines)
    ):
        found[module][mutant] = outcome.strip()
    return dict(found)


def main(lines: Iterable[str]) -> int:
    """Print a line for each module and the mutants that were not caught; the exit status."""
    modules = outcomes(lines)
    scores = {}
    for module, found in sorted(modules.items()):
        missed = {mutant: outcome for mutant, outcome in found.items() if outcome != "killed"}
        scores[module] = 1 - len(missed) / len(found)
        print(
            f"{module:30s} {len(found) - len(missed):4d} of {len(found):4d} mutants caught "
            f"{scores[module]:7.1%}"
        )
        for mutant, outcome in missed.items():
            print(f"    {outcome}: tangent_bench.{module}.{mutant}")
    return int(not scores or min(scores.values()) < LEAST)


if __name__ == "__main__":
    sys.exit(main(sys.stdin))
