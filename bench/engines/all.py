"""Every engine of the comparison, by the name that results have."""

from collections.abc import Mapping
from typing import Final

from bench.engines.casbin_enforcer import CasbinEnforcer
from bench.engines.cedar import Cedar
from bench.engines.cel_python import CelPython
from bench.engines.ours import Ours, OursByCel
from bench.engines.rego import Rego
from bench.engines.rules import LoadEngine

OURS: Final = "ours"
OURS_BY_CEL: Final = "ours-by-cel"

ENGINES: Final[Mapping[str, LoadEngine]] = {
    OURS: Ours,
    OURS_BY_CEL: OursByCel,
    "cedarpy": Cedar,
    "cel-python": CelPython,
    "regopy": Rego,
    "pycasbin": CasbinEnforcer,
}
