"""What a plain YAML scalar means: a number, true, false, null or text. `1e9` is a number; `12:30` and `no` are text."""

import re

_INTEGER = re.compile(r"[-+]?\d{1,300}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}

Scalar = str | int | float | bool | None


def plain_scalar(text: str) -> Scalar:
    """Return the value of an unquoted scalar."""
    lowered = text.lower() if text in (text.lower(), text.upper(), text.capitalize()) else text
    if lowered in _WORDS:
        return _WORDS[lowered]
    if lowered in _SPECIAL:
        return float(_SPECIAL[lowered])
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
