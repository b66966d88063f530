"""The metrics that a template names, read as CloudWatch reads them."""

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Self

from tests.infra.synthesis import Json, SynthesisedStack

_OURS: Final = re.compile(r"WcsHooks(/.*)?")
_SEARCH: Final = re.compile(r"SEARCH\('\{(?P<schema>[^}]*)\} (?P<terms>[^']*)', '(?P<stat>\w+)'\)")
_TERM: Final = re.compile(r'(?P<name>\w+)="(?P<value>[^"]*)"')


@dataclasses.dataclass(frozen=True)
class Kind:
    """A metric's name and the names of its dimensions: what the functions emit, or do not."""

    name: str
    dimensions: frozenset[str]

    @classmethod
    def from_dimensions(cls, name: str, dimensions: Iterable[str]) -> Self:
        return cls(name, frozenset(dimensions))


@dataclasses.dataclass(frozen=True)
class Named:
    """A metric where it is named.

    Attributes
    ----------
    values
        The values of its dimensions, so far as they are given: a search leaves some open.
    """

    kind: Kind
    values: Mapping[str, str]
    namespace: str


def dashboard(stack: SynthesisedStack) -> Json:
    """The dashboard's body, each reference in it replaced by its logical id."""
    body = stack.the("AWS::CloudWatch::Dashboard")["DashboardBody"]
    return json.loads("".join(map(_text, body["Fn::Join"][1])))


def on_dashboard(stack: SynthesisedStack) -> list[Named]:
    """Every metric of ours that a widget shows or looks for."""
    return [
        named
        for widget in dashboard(stack)["widgets"]
        for metric in widget["properties"].get("metrics", [])
        for named in _of_widget(metric)
        if _OURS.fullmatch(named.namespace)
    ]


def in_alarms(stack: SynthesisedStack) -> list[Named]:
    """Every metric of ours that an alarm watches."""
    alarms = [each["Properties"] for each in stack.of_type("AWS::CloudWatch::Alarm").values()]
    assert not [alarm for alarm in alarms if "Metrics" in alarm], "each watches one metric"
    return [
        Named(Kind.from_dimensions(alarm["MetricName"], values), values, alarm["Namespace"])
        for alarm in alarms
        if _OURS.fullmatch(alarm["Namespace"])
        for values in [{each["Name"]: _text(each["Value"]) for each in alarm["Dimensions"]}]
    ]


def namespaces(stack: SynthesisedStack) -> set[str]:
    """Every namespace of ours that anything in a template counts in, shows or watches."""
    functions = stack.of_type("AWS::Lambda::Function").values()
    counted = stack.of_type("AWS::Logs::MetricFilter").values()
    return {
        *(each.namespace for each in [*on_dashboard(stack), *in_alarms(stack)]),
        *(
            each["Properties"]["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
            for each in functions
        ),
        *(
            transformation["MetricNamespace"]
            for each in counted
            for transformation in each["Properties"]["MetricTransformations"]
        ),
    }


def from_access_logs(stack: SynthesisedStack) -> set[Kind]:
    """What CloudWatch itself counts in the logs."""
    return {
        Kind.from_dimensions(counted["MetricName"], (each["Key"] for each in counted["Dimensions"]))
        for each in stack.of_type("AWS::Logs::MetricFilter").values()
        for counted in each["Properties"]["MetricTransformations"]
        if _OURS.fullmatch(counted["MetricNamespace"])
    }


def _of_widget(metric: list[Any]) -> Iterator[Named]:
    match metric:
        case [{"expression": str(expression)}]:
            searches = list(_SEARCH.finditer(expression))
            # The other expressions are about metrics of the same widget, which are met as such.
            assert len(searches) == expression.count("SEARCH"), expression
            for search in searches:
                namespace, *dimensions = search["schema"].replace('"', "").split(",")
                values = {term["name"]: term["value"] for term in _TERM.finditer(search["terms"])}
                name = values.pop("MetricName")
                yield Named(Kind.from_dimensions(name, dimensions), values, namespace)
        case [str(namespace), str(name), *rest]:
            pairs = [each for each in rest if isinstance(each, str)]
            values = dict(zip(pairs[::2], pairs[1::2], strict=True))
            yield Named(Kind.from_dimensions(name, values), values, namespace)
        case _:
            raise AssertionError(f"CloudWatch knows no such metric: {metric}")


def _text(part: Json) -> str:
    return part if isinstance(part, str) else str(next(iter(part.values())))
