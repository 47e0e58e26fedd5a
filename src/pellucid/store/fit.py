# SPDX-License-Identifier: Apache-2.0
"""Whether a frozen value holds what its annotations promise, so that a page can trust a foreign atlas."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

__all__ = ["fits"]

Check = Callable[[Any], bool]
_LARGEST = 2**63  # beyond it an integer is no size, count or index, and a division by it may overflow


def fits(value: object, annotation: Any) -> bool:
    """Whether `value` is of the annotated type, to the last element.

    Numbers must be finite, integers below 2^63, text without half a surrogate pair; `Any` stands for JSON.

    >>> fits((1.5, 2), tuple[float, ...]), fits(("a",), tuple[float, ...]), fits(float("nan"), float)
    (True, False, False)
    """
    return _check(annotation)(value)


def _finite(value: Any) -> bool:
    if isinstance(value, float):  # NumPy's float64 is a float too, and JSON takes it
        return math.isfinite(value)
    return _whole(value)


def _whole(value: Any) -> bool:
    return type(value) is int and -_LARGEST <= value < _LARGEST


def _text(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return False
    return True


def _json(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_text(key) and _json(part) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_json, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, int) or _text(value)


_PLAIN: dict[Any, Check] = {
    float: _finite,
    int: _whole,
    str: _text,
    bool: lambda value: isinstance(value, bool),
    bytes: lambda value: isinstance(value, bytes),
    type(None): lambda value: value is None,
    Any: _json,
}


@cache
def _check(annotation: Any) -> Check:
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return _union_check([_check(argument) for argument in arguments])
    if origin is Literal:
        return lambda value: isinstance(value, str) and value in arguments
    if origin is tuple:
        return _tuple_check(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping_check(_check(arguments[1]))
    if isinstance(annotation, type) and is_dataclass(annotation):
        return _dataclass_check(annotation)
    raise TypeError(f"no rule says what fits {annotation}")


# Plain loops, because every record that a page shows passes through them.


def _union_check(options: list[Check]) -> Check:
    def check(value: Any) -> bool:
        for option in options:
            if option(value):
                break
        else:
            return False
        return True

    return check


def _tuple_check(arguments: tuple[Any, ...]) -> Check:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return _row_check(arguments[0], None)
    if len(set(arguments)) == 1:
        return _row_check(arguments[0], len(arguments))
    checks = [_check(argument) for argument in arguments]
    return lambda value: (
        isinstance(value, (tuple, list))
        and len(value) == len(checks)
        and all(check(part) for check, part in zip(checks, value, strict=True))
    )


def _row_check(annotation: Any, length: int | None) -> Check:
    inner = _check(annotation)

    def check(value: Any) -> bool:
        if not isinstance(value, (tuple, list)) or (length is not None and len(value) != length):
            return False
        if annotation is float and set(map(type, value)) <= {float}:
            return all(map(math.isfinite, value))  # a curve has hundreds of them
        return all(map(inner, value))

    return check


def _mapping_check(inner: Check) -> Check:
    return lambda value: (
        isinstance(value, Mapping) and all(_text(key) and inner(part) for key, part in value.items())
    )


def _dataclass_check(annotation: type) -> Check:
    hints = get_type_hints(annotation)
    hints = {name: hint for name, hint in hints.items() if get_origin(hint) is not ClassVar}
    checks = [_check(hint) for hint in hints.values()]
    parts = attrgetter(*hints, "__class__")  # one more, so that it is a tuple for a single field too

    def check(value: Any) -> bool:
        if not isinstance(value, annotation):
            return False
        for inner, part in zip(checks, parts(value), strict=False):
            if not inner(part):
                break
        else:
            return True
        return False

    return check
