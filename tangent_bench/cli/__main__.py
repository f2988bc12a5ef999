"""`python -m tangent_bench.cli`."""

from __future__ import annotations

from tangent_bench.cli import main

if __name__ == "__main__":
    main()
