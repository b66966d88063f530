"""The no-op baseline: what no function in Python can go below. It imports nothing."""


def handler(event: dict[str, str], _context: object) -> str:
    """Give back the body."""
    return event["body"]
