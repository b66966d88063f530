"""Whatever is installed is pinned, and checked against a hash that was written down before."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _files(pattern: str) -> list[str]:
    places = [*ROOT.glob(pattern), *ROOT.glob(f"[!.]*/{pattern}")]
    return sorted(str(place.relative_to(ROOT)) for place in places)


LOCKS = _files("*requirements.txt")


def _requirements(lock: str) -> list[str]:
    """Each requirement of a lock, its hashes included, in one line."""
    lines = (ROOT / lock).read_text().replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def test_given_the_groups_of_what_is_needed_then_each_is_locked_and_nothing_else_is() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    locked = {
        "functions/requirements.txt": {"functions"},
        "local/emulator-requirements.txt": {"emulator"},
        "tools/docs-requirements.txt": {"docs"},
        "requirements.txt": groups.keys() - {"emulator", "docs"},
    }

    assert sorted(LOCKS) == sorted(locked)
    for lock, names in locked.items():
        pinned = {re.split(r"[\[=]", line)[0] for line in _requirements(lock)}
        wanted = {re.split(r"[\[<>=]", one)[0].lower() for name in names for one in groups[name]}
        assert wanted <= pinned


def test_given_a_package_of_the_functions_then_every_tool_has_it_in_the_same_version() -> None:
    deployed, developer = (
        {line.split()[0] for line in _requirements(lock)}
        for lock in ("functions/requirements.txt", "requirements.txt")
    )

    plain = {re.sub(r"\[.*\]", "", one) for one in developer}
    assert deployed <= plain


@pytest.mark.parametrize("lock", LOCKS)
def test_given_a_lock_then_each_package_has_one_version_and_hashes_and_no_address(
    lock: str,
) -> None:
    requirements = _requirements(lock)

    assert requirements
    for requirement in requirements:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,-]+\])?==[0-9][^\s;]*( |$)", requirement), requirement
        assert re.search(r" --hash=sha256:[0-9a-f]{64}( |$)", requirement), requirement
        assert "://" not in requirement


def test_given_npms_lock_then_each_package_has_its_integrity_and_no_address() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    [root] = [name for name in packages if not name]

    installed = {name: one for name, one in packages.items() if name != root}
    assert installed
    assert all(one["integrity"].startswith("sha512-") for one in installed.values())
    assert "resolved" not in (ROOT / "package-lock.json").read_text()
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    assert all(re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version) for version in wanted.values())


def test_given_whatever_fetches_packages_then_it_takes_none_without_its_hash() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    by_pip = re.findall(r"pip (?:install|sync) [^\n;]*", makefile)
    by_npm = re.findall(r"npm (?:install|ci|i|exec) [^\n;]*", makefile)
    packaging = (ROOT / "infra" / "packaging.py").read_text()

    # This project itself is installed from here, and nothing with it. Two packages are named, and
    # the lock constrains them and all that they need: uv verifies its hashes then too.
    assert [" ".join(one.split()) for one in by_pip if "--require-hashes" not in one] == [
        "pip install --quiet --no-deps --python .venv/bin/python --editable .",
        (
            "pip install --quiet --compile-bytecode --python .lambda/bin/python "
            "--constraint requirements.txt awslambdaric boto3"
        ),
    ]
    assert len(by_pip) == 6
    assert sorted(one.split()[1] for one in by_npm if "--package-lock-only" not in one) == ["ci"]
    assert packaging.count('"install"') == packaging.count('"--require-hashes"') == 1
