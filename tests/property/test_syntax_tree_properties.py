"""Whatever the expression, its tree is read as Protobuf's own classes for it read it.

The classes are those that gRPC's authors publish, generated from the specification of CEL.
"""

from base64 import b64decode
from pathlib import Path

import pytest
from cel.expr.checked_pb2 import CheckedExpr
from cel.expr.syntax_pb2 import Expr
from google.protobuf.any_pb2 import Any
from hypothesis import given, settings
from hypothesis import strategies as st

import strict_yaml
from tests.support.documented_expressions import examples
from tests.support.profiles import example_count
from wcs_hooks.core.cel import syntax_tree
from wcs_hooks.core.cel.check import check
from wcs_hooks.core.cel.expression import VARIABLES, environment

_EXAMPLES = Path(__file__).resolve().parents[2] / "policies" / "examples"

_LEAVES = st.sampled_from(
    [
        *("''", "'x'", "'\u00e9\U0001f600'", '"name"', "b''", "b'a'", "null", "true", "false"),
        *("0", "1", "-1", "9223372036854775807", "-9223372036854775808", "0u", "2u", "1.5", "-0.0"),
        *("method", "known", "now.getHours()", "now.getHours('Europe/Riga')", "duration('1h')"),
        *("body", ".body", "body.name", ".body.name", "body['name']", "body.custom.token"),
        *("session.custom.role", "session['custom']['role']", "has(body.name)"),
        *("has(session.custom.role)", "'name' in body", "'role' in session.custom", "body[method]"),
        *("app.matches('^a+$')", "google.protobuf.Duration{seconds: 1}", "type(1)"),
    ]
)
_ONE = (
    "dyn({0})",
    "dyn({0}).name",
    "dyn({0}).a.b",
    "has(dyn({0}).name)",
    "dyn({0})['name']",
    "'name' in dyn({0})",
    "!dyn({0})",
    "-dyn({0})",
    "[{0}]",
    "{{'a': {0}}}",
    "size(dyn({0}))",
    "string(dyn({0}))",
    "dyn({0}).all(one, one == body.name)",
    "dyn({0}).map(one, [one, body.name])",
)
_TWO = (
    *(f"dyn({{0}}) {operator} dyn({{1}})" for operator in ("==", "!=", "<", "<=", ">", ">=")),
    *(f"(dyn({{0}}) {operator} dyn({{1}}))" for operator in ("&&", "||", "+", "%", "in")),
    "dyn({0})[dyn({1})]",
    "dyn({0}) in [dyn({1}), 'name', 7]",
    "[{0}, {1}]",
    "{{'a': {0}, dyn({1}): 1}}",
    "dyn({0}).startsWith(dyn({1}))",
    "dyn({0}).exists(one, one == dyn({1}))",
    "(dyn(known) ? dyn({0}) : dyn({1}))",
)
_SOURCES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(_ONE), inner).map(lambda all_: all_[0].format(all_[1])),
        st.tuples(st.sampled_from(_TWO), inner, inner).map(lambda all_: all_[0].format(*all_[1:])),
    ),
    max_leaves=6,
)


def _published() -> list[str]:
    """The expressions of the documentation and of the example policies."""
    found = [example.expression for example in examples()]
    for path in sorted(_EXAMPLES.glob("*.yaml")):
        for policy in strict_yaml.read(path.read_text(), path.name):
            found += [policy["when"], *policy.get("compute", {}).values()]
    return found


def _checked(serialized: bytes) -> CheckedExpr:
    message, checked = Any.FromString(serialized), CheckedExpr()
    assert message.Unpack(checked), message.type_url
    return checked


def _below(expression: Expr) -> list[Expr]:
    match expression.WhichOneof("expr_kind"):
        case "select_expr":
            return [expression.select_expr.operand]
        case "call_expr":
            call = expression.call_expr
            return [*([call.target] if call.HasField("target") else []), *call.args]
        case "list_expr":
            return list(expression.list_expr.elements)
        case "struct_expr":
            return [
                part
                for entry in expression.struct_expr.entries
                for part in ([entry.map_key] if entry.HasField("map_key") else []) + [entry.value]
            ]
        case "comprehension_expr":
            loop = expression.comprehension_expr
            steps = [loop.accu_init, loop.loop_condition, loop.loop_step, loop.result]
            return [loop.iter_range, *steps]
        case _:
            return []


def _text(expression: Expr) -> str | None:
    is_text = expression.const_expr.WhichOneof("constant_kind") == "string_value"
    return expression.const_expr.string_value if is_text else None


def _number_or_truth(expression: Expr) -> int | bool | None:
    kind = expression.const_expr.WhichOneof("constant_kind")
    is_either = kind in {"int64_value", "bool_value"}
    return getattr(expression.const_expr, kind) if is_either else None


def _is(expression: Expr, variable: str) -> bool:
    return expression.ident_expr.name in {variable, f".{variable}"}


def _read(variable: str, expression: Expr) -> str | None:
    """The field of a variable that a node reads or looks for."""
    select, call = expression.select_expr, expression.call_expr
    if _is(select.operand, variable):
        return str(select.field)
    if call.function == "_[_]" and _is(call.args[0], variable):
        return _text(call.args[1])
    if call.function == "@in" and _is(call.args[1], variable):
        return _text(call.args[0])
    return None


def _fields(variable: str, expression: Expr) -> set[str] | None:
    """The fields of a variable that an expression can see; none if it can see all of it."""
    if _is(expression, variable):
        return None
    field = _read(variable, expression)
    if field is not None:
        return {field}
    found: set[str] = set()
    for part in _below(expression):
        fields = _fields(variable, part)
        if fields is None:
            return None
        found |= fields
    return found


def _compare(serialized: bytes, checked: CheckedExpr, node: bytes, expression: Expr) -> None:
    assert Expr.FromString(node) == expression
    positions = checked.source_info.positions
    call = expression.call_expr
    assert syntax_tree.position(serialized, node) == positions.get(expression.id, 0)
    assert syntax_tree.called(node) == call.function
    if call.function:
        assert list(map(Expr.FromString, syntax_tree.arguments(node))) == list(call.args)
    target = syntax_tree.target(node)
    assert (Expr.FromString(target) if target is not None else None) == (
        call.target if call.HasField("target") else None
    )
    elements = list(map(Expr.FromString, syntax_tree.elements(node)))
    assert elements == list(expression.list_expr.elements)
    assert syntax_tree.is_literal(node) == expression.HasField("const_expr")
    assert syntax_tree.literal(node) == _text(expression)
    value = _number_or_truth(expression)
    found = syntax_tree.number_or_truth(node)
    assert (found, type(found)) == (value, type(value))
    assert syntax_tree.is_presence_test(node) == expression.select_expr.test_only
    parts, below = list(syntax_tree.children(node)), _below(expression)
    assert len(parts) == len(below)
    for part, inner in zip(parts, below, strict=True):
        _compare(serialized, checked, part, inner)


def _compare_all(serialized: bytes) -> None:
    checked = _checked(serialized)
    node = syntax_tree.root(serialized)
    _compare(serialized, checked, node, checked.expr)
    for variable in VARIABLES:
        assert syntax_tree.fields_of(variable, serialized) == _fields(variable, checked.expr)
    several = syntax_tree.list_of([node, *syntax_tree.children(node)])
    rebuilt = _checked(syntax_tree.with_root(serialized, several))
    assert list(rebuilt.expr.list_expr.elements) == [checked.expr, *_below(checked.expr)]
    rebuilt.expr.CopyFrom(checked.expr)
    assert rebuilt == checked


@settings(max_examples=example_count(1_000))
@given(_SOURCES)
def test_given_any_expression_when_its_tree_is_read_then_protobufs_own_classes_read_the_same(
    source: str,
) -> None:
    try:
        serialized = environment().compile(source).serialize()
    except RuntimeError:
        return

    _compare_all(serialized)


@pytest.mark.parametrize("source", _published())
def test_given_a_published_expression_when_its_tree_is_read_then_protobufs_own_classes_read_the_same(  # noqa: E501 - who reads what
    source: str,
) -> None:
    _compare_all(b64decode(check(source).serialized))
