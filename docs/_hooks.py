"""Hooks of MkDocs: they make the reference from the code, and let links lead to pages."""

from __future__ import annotations

import tomllib

import _equations
import _links
import _reference
from mkdocs.structure.files import File

RESULTS = "Results"


def on_config(config):
    """Adds pages of results that the navigation lacks, and the repository if there is one."""
    for entry in config["nav"]:
        if RESULTS in entry:
            entry[RESULTS] += _new_results(entry[RESULTS])
    project = tomllib.loads((_links.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = project.get("urls", {}).get("Repository")
    if repository:
        config["repo_url"] = repository
        config["repo_name"] = project["name"]
    return config


def on_files(files, config):
    """Adds the generated pages and what was published."""
    for path, text in _reference.pages(config["nav"]).items():
        files.append(File.generated(config, path, content=text))
    for path, file in _links.published().items():
        files.append(File.generated(config, path, abs_src_path=str(file)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Lets links to files of the repository lead to the pages that are made from them."""
    text = _links.in_site(markdown, page.file.src_uri, _links.places(config["nav"]))
    return _equations.shown(text) if page.file.src_uri.startswith("explanation/") else text


def _new_results(listed):
    """Pages of docs/results that a list of the navigation lacks: of presets published since."""
    pages = sorted((_links.ROOT / "docs/results").glob("*.md"))
    names = [f"results/{page.name}" for page in pages]
    return [name for name in names if name not in listed]
