"""What an expression can see of a variable, according to its syntax tree."""

import pytest

from wcs_hooks.core.cel.check import check


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("true", set()),
        ("method == 'call'", set()),
        ("'body' == method", set()),
        ("body.name == 'x'", {"name"}),
        (".body.name == 'x'", {"name"}),
        ("has(body.name)", {"name"}),
        ("has(body.custom.token)", {"custom"}),
        ("body.custom.token == body.name", {"custom", "name"}),
        ("body['name'] == 'x'", {"name"}),
        ("'name' in body", {"name"}),
        ("!('name' in body) || body.name.startsWith('a') && body.width > 10", {"name", "width"}),
        ("body.list.exists(one, one == body.name)", {"list", "name"}),
        ("{'a': body.a}[body.b] == [body.c][0]", {"a", "b", "c"}),
        ("(body.a ? body.b : body.c) == null", {"a", "b", "c"}),
        ("size(session.body.name) > 1", set()),
        ("body[method] == 'x'", None),
        ("method in body", None),
        ("size(body) > 3", None),
        ("body.exists(name, name == 'x')", None),
        ("body == {'a': 1}", None),
        ("body.a == 1 && dyn(body).b == 2", None),
        ("[body][0].name == 'x'", None),
        ("{'a': body}.a.name == 'x'", None),
        ("(method == 'call' ? body : {'name': 'y'}).name == 'x'", None),
    ],
)
def test_given_an_expression_when_it_is_checked_then_what_it_can_see_of_the_body_is_told(
    source: str, fields: set[str] | None
) -> None:
    assert check(source).body_fields == fields
