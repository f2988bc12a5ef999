"""What pyproject.toml cannot say: a wheel carries Snakefile, config/ and workflow/ as `tangent_bench/_suite`, for
`tangent-bench list`, `show`, `check` and `plan` outside a checkout (tangent_bench/suite.py).
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithSuite(build_py):
    def run(self):
        super().run()
        if self.editable_mode:
            return  # the package lies in its checkout
        suite = Path(self.build_lib, "tangent_bench/_suite")
        for folder in ("config", "workflow"):
            shutil.copytree(
                folder,
                suite / folder,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        shutil.copy2("Snakefile", suite)


setup(cmdclass={"build_py": BuildWithSuite})
