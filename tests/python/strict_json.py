"""JSON as the shared flag documents allow it: a parser that keeps where every value stands in the text.

Python's `json` module accepts what docs/FORMAT.md refuses (NaN, lone surrogates, numbers that become infinite) and
forgets how a value was written. This one refuses all of it and keeps the text, so that an echo is exact.
"""

import math
import re

MAX_DEPTH = 128

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WHITESPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Refused(ValueError):
    """The text, or what it says, is not allowed. The message is one sentence without a full stop."""


class Node:
    """One value: its kind, what it means, and its exact text."""

    __slots__ = ("kind", "value", "text")

    def __init__(self, kind, value, text):
        self.kind = kind
        self.value = value
        self.text = text


def parse(text, max_depth=MAX_DEPTH):
    """The one value of `text`; `max_depth` counts arrays and objects inside each other, the outermost as 1."""
    node, at = _value(text, _skip(text, 0), max_depth)
    if _skip(text, at) != len(text):
        raise Refused(f"there is more after the value at character {at}")
    return node


def _skip(text, at):
    return _WHITESPACE.match(text, at).end()


def _value(text, at, levels):
    first = text[at : at + 1]
    if first == "{" or first == "[":
        if levels == 0:
            raise Refused("arrays and objects nest too deep")
        kind, read = ("object", _object) if first == "{" else ("array", _array)
        value, end = read(text, at + 1, levels - 1)
    elif first == '"':
        kind = "string"
        value, end = _string(text, at + 1)
    elif first == "-" or (first.isascii() and first.isdigit()):
        kind = "number"
        value, end = _number(text, at)
    else:
        for word, kind, value in (("true", "bool", True), ("false", "bool", False), ("null", "null", None)):
            if text.startswith(word, at):
                end = at + len(word)
                break
        else:
            raise Refused(f"no JSON value starts at character {at}")
    return Node(kind, value, text[at:end]), end


def _object(text, at, levels):
    """Fields by name; of duplicate fields the last counts, but all of them are read."""
    fields = {}
    at = _skip(text, at)
    if text[at : at + 1] == "}":
        return fields, at + 1
    while True:
        if text[at : at + 1] != '"':
            raise Refused(f"a field name is missing at character {at}")
        name, at = _string(text, at + 1)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise Refused(f"a colon is missing at character {at}")
        fields[name], at = _value(text, _skip(text, at + 1), levels)
        at, is_last = _separator(text, at, "}")
        if is_last:
            return fields, at


def _array(text, at, levels):
    elements = []
    at = _skip(text, at)
    if text[at : at + 1] == "]":
        return elements, at + 1
    while True:
        element, at = _value(text, at, levels)
        elements.append(element)
        at, is_last = _separator(text, at, "]")
        if is_last:
            return elements, at


def _separator(text, at, closing):
    at = _skip(text, at)
    found = text[at : at + 1]
    if found == closing:
        return at + 1, True
    if found != ",":
        raise Refused(f"a comma or `{closing}` is missing at character {at}")
    return _skip(text, at + 1), False


def _number(text, at):
    match = _NUMBER.match(text, at)
    if match is None:
        raise Refused(f"half a number at character {at}")
    number = float(match.group())
    if math.isinf(number):
        raise Refused(f"the number at character {at} is outside the range of a 64-bit float")
    return number, match.end()


def _string(text, at):
    parts = []
    while True:
        plain = _PLAIN.match(text, at)
        parts.append(plain.group())
        at = plain.end()
        stop = text[at : at + 1]
        if stop == '"':
            return _without_lone_surrogates("".join(parts)), at + 1
        if stop != "\\":
            raise Refused(f"a control character or no closing quote at character {at}")
        letter = text[at + 1 : at + 2]
        if letter == "u":
            unit = _unit(text, at)
            at += 6
            if 0xD800 <= unit < 0xDC00 and text.startswith("\\u", at):
                low = _unit(text, at)
                if 0xDC00 <= low < 0xE000:
                    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
                    at += 6
            parts.append(chr(unit))
        elif letter in _ESCAPES and letter:
            parts.append(_ESCAPES[letter])
            at += 2
        else:
            raise Refused(f"an unknown escape at character {at}")


def _unit(text, at):
    match = _HEX.match(text, at + 2)
    if match is None:
        raise Refused(f"four hex digits are missing at character {at}")
    return int(match.group(), 16)


def _without_lone_surrogates(string):
    if any("\ud800" <= character <= "\udfff" for character in string):
        raise Refused("a lone surrogate in a string")
    return string
