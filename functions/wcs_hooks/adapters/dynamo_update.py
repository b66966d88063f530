"""An UpdateItem request that is put together piece by piece."""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


class Update:
    """What changes in one item, and on what conditions, all of which must hold.

    Parameters
    ----------
    key
        The item's key: one attribute, a text.

    Attributes
    ----------
    item
        The key's text.
    """

    def __init__(self, table: str, key: tuple[str, str]) -> None:
        self._table = table
        self._key, self.item = key
        self._names: dict[str, str] = {}
        self._values: dict[str, AttributeValueTypeDef] = {}
        self._clauses: dict[str, list[str]] = {}
        self._conditions: list[str] = []

    def name(self, attribute: str) -> str:
        """Return the placeholder of an attribute in a condition."""
        return self._names.setdefault(attribute, f"#n{len(self._names)}")

    def value(self, value: "AttributeValueTypeDef") -> str:
        """Return the placeholder of a value in a condition."""
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = value
        return placeholder

    def set(self, attribute: str, value: "AttributeValueTypeDef") -> None:
        """Write an attribute."""
        self._clause("SET", f"{self.name(attribute)} = {self.value(value)}")

    def set_once(self, attribute: str, value: "AttributeValueTypeDef") -> None:
        """Write an attribute unless it is there."""
        name = self.name(attribute)
        self._clause("SET", f"{name} = if_not_exists({name}, {self.value(value)})")

    def add(self, attribute: str, number: int) -> None:
        """Add to a number, 0 if it is not there."""
        self._clause("ADD", f"{self.name(attribute)} {self.value({'N': str(number)})}")

    def remove(self, attribute: str) -> None:
        """Remove an attribute."""
        self._clause("REMOVE", self.name(attribute))

    def require(self, condition: str) -> None:
        """Add a condition."""
        self._conditions.append(condition)

    def require_value(self, attribute: str, value: "AttributeValueTypeDef | None") -> None:
        """Require that an attribute is as it was read; that it is not there if it was not."""
        name = self.name(attribute)
        if value is None:
            self.require(f"attribute_not_exists({name})")
        else:
            self.require(f"{name} = {self.value(value)}")

    def require_present(self, attribute: str) -> None:
        """Require that an attribute is there."""
        self.require(f"attribute_exists({self.name(attribute)})")

    def is_number(self, attribute: str) -> str:
        """The condition that an attribute is a number."""
        return f"attribute_type({self.name(attribute)}, {self.value({'S': 'N'})})"

    def less(self, attribute: str, number: int) -> str:
        """The condition that an attribute is a number and less than another one."""
        limit = self.value({"N": str(number)})
        return f"({self.is_number(attribute)} AND {self.name(attribute)} < {limit})"

    def request(self) -> dict[str, Any]:
        """The request: of UpdateItem, or of an `Update` in TransactWriteItems."""
        optional = {
            "ExpressionAttributeValues": self._values,
            "ConditionExpression": " AND ".join(self._conditions),
        }
        return {
            "TableName": self._table,
            "Key": {self._key: {"S": self.item}},
            "UpdateExpression": " ".join(
                f"{clause} {', '.join(parts)}" for clause, parts in self._clauses.items()
            ),
            "ExpressionAttributeNames": {short: name for name, short in self._names.items()},
            "ReturnValuesOnConditionCheckFailure": _ALL_OLD,
            **{name: value for name, value in optional.items() if value},
        }

    def _clause(self, clause: str, part: str) -> None:
        self._clauses.setdefault(clause, []).append(part)


_ALL_OLD: Final = "ALL_OLD"
