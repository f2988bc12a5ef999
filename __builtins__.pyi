from typing import Any

class _Job:
    """What Snakemake tells a script of its job, by the names that the rule gives."""

    input: Any
    output: Any
    params: Any
    wildcards: Any
    resources: Any
    config: dict[str, Any]
    log: Any
    rule: str
    threads: int

snakemake: _Job
