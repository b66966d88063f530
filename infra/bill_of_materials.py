"""The packaged functions' bill of materials, as CycloneDX JSON (https://cyclonedx.org)."""

import re
import uuid
from collections.abc import Collection, Iterator

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

_PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill_of_materials(requirements: str, without: Collection[str] = ()) -> str:
    """List the libraries that a hashed requirements file pins.

    Parameters
    ----------
    requirements
        The file's text.
    without
        Names of libraries that are not packaged.

    Returns
    -------
    str
        The same text for the same requirements: it holds no date. The hashes of a component are
        those of its released files, one for each platform.
    """
    libraries = [one for one in _components(requirements) if one.name not in without]
    bom = Bom(
        components=libraries,
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, requirements + " ".join(sorted(without))),
    )
    functions = Component(
        name="wcs-hooks", type=ComponentType.APPLICATION, bom_ref="wcs-hooks functions"
    )
    bom.metadata.component = functions
    bom.register_dependency(functions, libraries)
    # The same input gives the same file.
    bom.metadata.timestamp = None  # type: ignore[assignment]  # the schema makes it optional
    return JsonV1Dot6(bom).output_as_string(indent=1)


def _components(requirements: str) -> Iterator[Component]:
    for requirement in requirements.replace("\\\n", " ").splitlines():
        pinned = _PINNED.match(requirement)
        if pinned is None:
            continue
        name, version = pinned["name"], pinned["version"]
        yield Component(
            name=name,
            version=version,
            type=ComponentType.LIBRARY,
            purl=PackageURL("pypi", name=name, version=version),
            bom_ref=f"{name}=={version}",
            hashes=[
                HashType(alg=HashAlgorithm.SHA_256, content=h) for h in _HASH.findall(requirement)
            ],
        )
