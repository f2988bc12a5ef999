"""Puts Snakefile, config/ and workflow/ into a wheel, which pyproject.toml cannot say.

They become `tangent_bench/_suite` there, for `tangent-bench list`, `show`, `check` and `plan`
outside of a checkout (tangent_bench/suite.py).
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
