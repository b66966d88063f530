"""Ages in words."""


def in_words(seconds: float) -> str:
    """How old something is, in its largest unit.

    Examples
    --------
    >>> [in_words(age) for age in (5, 150, 7200, 200_000)]
    ['5 s', '2 min', '2 h', '2 d']
    """
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
