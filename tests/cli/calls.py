"""Calls of the command line in this process."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from tangent_bench import cli


def call(*arguments):
    return CliRunner().invoke(cli.app, [str(each) for each in arguments])


def answer(*arguments):
    done = call(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)
