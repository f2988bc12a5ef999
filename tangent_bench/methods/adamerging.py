"""AdaMerging, layer-wise: a coefficient for each task and layer that makes the merged network sure.

    direction = Σ_t λ_t,l τ_t,l
    λ minimises  Σ_t E_{x of task t} H(p(x; θ0 + direction))   (more in `_entropy`)

A layer l is one parameter tensor, as in the authors' code. λ begins at `initial`, is kept in [0,
1], and is learned by Adam. The method is transductive: it sees the TEST images that it is then
tested on, without their labels. Compare it only with methods that do so too.

Adam moves a coefficient by about `rate` a step at most. 500 steps can bring it from 0.3 to any
value in [0, 0.8]; after 100 none is further than about 0.1 away, and the model is still near task
arithmetic with α = 0.3. A step costs a pass forward and back of `batch` images of every task, all
tasks together in a small network, and two readings of all vectors, which stay in memory up to 4 GB.

Read in the authors' code: 500 steps, the clamp, one tensor as a layer. Its loop takes two batches
of 16 images of each task; the paper speaks of 16, the default here. The paper draws from all test
images; here batches come from the first `images` of each task, which are held in memory (1000 of
224² pixels: 0.6 GB a task). The method's model is α = 1.
"""

from __future__ import annotations

from collections.abc import Mapping

from tangent_bench.methods import Context, Method, Parameter

_OTHER = "the network's entropy, from which coefficients are learned, is not linear in the vectors"
METHOD = Method(
    title="AdaMerging",
    reference="Yang et al., AdaMerging: Adaptive Model Merging for Multi-Task Learning, ICLR 2024, "
    "section 3.2",
    data="unlabelled test",
    coefficients=(1.0, 1.0, 1),
    parameters={
        "initial": Parameter(0.3, "coefficient of every vector before the first step", 0.0, 1.0),
        "steps": Parameter(500, "steps of Adam", 0, quick=3),
        "rate": Parameter(1e-3, "learning rate of Adam", 0.0),
        "batch": Parameter(16, "images of each task in a step", 1),
        "images": Parameter(1000, "test images of each task that batches are drawn from", 1),
    },
    exceptions={
        "one task": "its coefficients begin at `initial`",
        "scaling": _OTHER,
        "sign": _OTHER,
    },
    negates=False,
)


def prepare(vectors: Mapping[str, Mapping], context: Context) -> dict:
    """The direction with a coefficient for each task and tensor."""
    from tangent_bench.methods import _coefficients, _entropy

    return _entropy.merge(vectors, context, _coefficients.by_tensor(context))
