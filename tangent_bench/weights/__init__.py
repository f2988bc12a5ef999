"""Files of weights that others made: the one door through which they come in, and nothing of them
is run.

Layouts of checkpoints and models of the user's own both read through it. A file may be safetensors
or what `torch.save` wrote, alone or in shards; tensors may lie in a checkpoint of a training, and
their names may have what wrappers put before them. Imports nothing heavy: the Snakefile is parsed
with it.
"""

from __future__ import annotations

from tangent_bench.weights._contract import Content
from tangent_bench.weights._places import find, parts

__all__ = ["Content", "find", "parts"]
