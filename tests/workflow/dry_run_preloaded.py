"""What the server of `dry_run.py` imports and reads once: the Snakefile's modules, and the syntax
trees of the code that its rules carry digests of.
"""

from tangent_bench.jobs import digests
from tangent_bench.planning import config
from tests.workflow.checkout import ROOT, merged

config.validate(merged("tiny"))
for _script in (ROOT / "workflow/scripts").glob("*.py"):
    digests.closure(_script)
