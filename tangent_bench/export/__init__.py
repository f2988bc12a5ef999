"""Merged models that leave the suite, as files that other libraries load.

A model f(x; θ0 + α d) is written for open_clip, transformers or FusionBench. In a tangent mode the
model is f_lin(x) = f(x; θ0) + α J(x; θ0) d, which none of them computes: its file has θ0 and
τ = α d, and `load_tangent` makes a function of it.

`export` does what `tangent-bench merge` does. What is wrong with vectors, method, format or place
is said before anything is merged.
"""

from __future__ import annotations

from tangent_bench.export._choices import Wish
from tangent_bench.export._exporting import Request, Written, export
from tangent_bench.export._merged import Merged
from tangent_bench.export._tangent import TangentModel, load_tangent

__all__ = ["Merged", "Request", "TangentModel", "Wish", "Written", "export", "load_tangent"]
