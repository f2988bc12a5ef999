"""MagMax: every entry is that of the vector in which it is largest in magnitude.

    direction_i = τ_{t*,i},   t* = argmax_t |τ_{t,i}|

Of entries that are equal in magnitude the first task's is taken (the authors' code takes the last
one's). The paper fine-tunes the tasks one after the other; here the vectors are independent.
"""

from __future__ import annotations

from collections.abc import Mapping

from tangent_bench.methods import Context, Method

METHOD = Method(
    title="MagMax",
    reference="Marczak et al., MagMax: Leveraging Model Merging for Seamless Continual Learning, "
    "ECCV 2024, section 4",
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """The entry of largest magnitude."""
    from tangent_bench.methods._streams import merge_each

    return merge_each(
        vectors, lambda name, stack: stack.gather(0, stack.abs().argmax(0, keepdim=True))[0]
    )
