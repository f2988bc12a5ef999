"""What the suite says while the Snakefile is parsed.

Apart from `provenance`, which every job imports: an edit there would make all jobs run again.
"""

from __future__ import annotations

import logging


def say_warnings() -> None:
    """Print the suite's warnings on stderr, while the Snakefile is parsed.

    Without a handler, the first `logging.warning` would give the root logger one that prints all
    that Snakemake says a second time.
    """
    if logging.root.handlers:
        return
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.addFilter(lambda record: not record.name.startswith("snakemake"))
    handler.setFormatter(logging.Formatter("Warning: %(message)s"))
    logging.root.addHandler(handler)
