"""In a checkout: prints the modules that the digest of each job's code covers.

As JSON: the digest that a rule has as its param `code` → dotted names of modules, sorted. Arguments
are config files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tangent_bench import suite
from tangent_bench.jobs import digests
from tangent_bench.planning import jobs

digest = digests.digest
covered: dict[str, list[str]] = {}


def module_of(file: Path) -> str:
    """Dotted name of a module in the suite's own package."""
    parts = file.relative_to(suite.ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def recorded(script: str | Path, *plugins: str) -> str:
    code = digest(script, *plugins)
    package = suite.ROOT / digests.PACKAGE
    files = digests.closure(script, *plugins)
    covered[code] = sorted(
        module_of(file) for file in files if file.suffix == ".py" and file.is_relative_to(package)
    )
    return code


if __name__ == "__main__":
    digests.digest = recorded
    jobs.of_dag(sys.argv[1:])
    print(json.dumps(covered))
