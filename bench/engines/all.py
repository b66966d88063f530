"""Every engine of the comparison, by the name that results have."""

from collections.abc import Mapping
from typing import Final

from bench.engines.casbin_enforcer import CasbinEnforcer
from bench.engines.cedar import Cedar
from bench.engines.cel_python import CelPython
from bench.engines.ours import Ours
from bench.engines.rego import Rego
from bench.engines.rules import LoadEngine

OURS: Final = "ours"

ENGINES: Final[Mapping[str, LoadEngine]] = {
    OURS: Ours,
    "cedarpy": Cedar,
    "cel-python": CelPython,
    "regopy": Rego,
    "pycasbin": CasbinEnforcer,
}
