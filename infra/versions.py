"""The version of what is deployed."""

import tomllib

from infra.packaging import ROOT


def project_version() -> str:
    """The project's version: `wcsctl version` compares it with its own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version: str = project["version"]
    return version
