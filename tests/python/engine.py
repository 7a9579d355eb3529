"""Feature flags as the Python services of a mixed fleet read them.

Two readers of one document:

- `Flag(**json.loads(text))` is what those services do. It is lax about values (`"enabled": "false"` is on) and strict
  about fields: an unknown one, or a missing `name`, breaks the whole refresh.
- `read_document` and `decide` are docs/FORMAT.md to the letter; every Rust answer is compared with them.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any, List, Optional

from strict_json import MAX_DEPTH, Node, Refused, parse


@dataclass
class Flag:
    """One flag, loaded by `Flag(**data)`."""

    name: str
    enabled: bool = False
    rollout_percentage: float = 100
    allowed_users: List[str] = field(default_factory=list)
    allowed_groups: List[str] = field(default_factory=list)
    value: Any = None


def position(name, user):
    """The first 8 hex digits of SHA-256 of `<name>:<user>`, as a number."""
    return int(hashlib.sha256(f"{name}:{user}".encode("utf-8")).hexdigest()[:8], 16)


def percent(n):
    """Where position `n` falls; the order of the two operations is part of the formula."""
    return (n / 4294967295.0) * 100.0


def bucket(name, user):
    """Where `user` falls for the flag `name`: 0 to 100, both included."""
    return percent(position(name, user))


def is_enabled(flag, user, groups=()):
    """The services' decision; a missing flag is off."""
    if flag is None or not flag.enabled:
        return False
    if user in flag.allowed_users:
        return True
    if any(group in flag.allowed_groups for group in groups):
        return True
    if flag.rollout_percentage >= 100:
        return True
    if flag.rollout_percentage <= 0:
        return False
    return bucket(flag.name, user) < flag.rollout_percentage


def get_value(flag, default=None):
    """The services' value: percentage and lists play no part in it."""
    if flag is None or not flag.enabled:
        return default
    return flag.value


@dataclass
class Document:
    """A document that was read strictly. `value` is the value's exact text; none if missing or null."""

    enabled: bool
    rollout_percentage: float
    allowed_users: List[str]
    allowed_groups: List[str]
    value: Optional[str]


def read_document(node):
    """The document that a parsed JSON value holds, or `Refused`."""
    if node.kind != "object":
        raise Refused(f"the document is not an object but {node.kind}")
    fields = node.value
    _typed(fields, "name", "string")
    value = fields.get("value")
    return Document(
        enabled=_typed(fields, "enabled", "bool", False),
        rollout_percentage=_typed(fields, "rollout_percentage", "number", 100.0),
        allowed_users=_strings(fields, "allowed_users"),
        allowed_groups=_strings(fields, "allowed_groups"),
        value=None if value is None or value.kind == "null" else value.text,
    )


def decide(name, document, user, groups, default):
    """Whether the flag is on, and why. `default` counts only without a document. The first match wins."""
    if document is None:
        return default, "DEFAULT"
    if not document.enabled:
        return False, "DISABLED"
    if user in document.allowed_users:
        return True, "TARGETING_MATCH"
    if any(group in document.allowed_groups for group in groups):
        return True, "TARGETING_MATCH"
    if document.rollout_percentage >= 100:
        return True, "STATIC"
    if document.rollout_percentage <= 0:
        return False, "STATIC"
    return bucket(name, user) < document.rollout_percentage, "SPLIT"


def answer(line):
    """What `cargo flags eval --jsonl` prints for one line, or `Refused` where it prints an error."""
    # The line is one level around its document, which may have MAX_DEPTH levels of its own.
    case = parse(line, MAX_DEPTH + 1)
    if case.kind != "object":
        raise Refused("the line is not an object")
    fields = case.value
    name = _typed(fields, "name", "string")
    if name is None:
        raise Refused("the line has no name")
    user = _typed(fields, "user", "string", "")
    groups = _strings(fields, "groups")
    default = fields.get("default", Node("null", None, "null"))
    # A default is held to the rules of a document's `value`.
    parse('{"value":' + default.text + "}")
    given = [source for source in ("flag", "raw") if source in fields and fields[source].kind != "null"]
    if len(given) > 1:
        raise Refused("the line has both a flag and a raw text")
    document = None
    if given == ["flag"]:
        document = read_document(parse(fields["flag"].text))
    elif given == ["raw"]:
        document = read_document(parse(_typed(fields, "raw", "string")))

    is_on, reason = decide(name, document, user, groups, default.value is True)
    value = document.value if document and is_on and document.value else default.text
    configured = (document.value or "null") if document and document.enabled else default.text
    enabled = "true" if is_on else "false"
    return f'{{"enabled":{enabled},"value":{_one_line(value)},"configured":{_one_line(configured)},"reason":"{reason}"}}'


def _typed(fields, name, kind, otherwise=None):
    node = fields.get(name)
    if node is None or node.kind == "null":
        return otherwise
    if node.kind != kind:
        raise Refused(f"`{name}` must be a {kind}, not a {node.kind}")
    return node.value


def _strings(fields, name):
    nodes = _typed(fields, name, "array", [])
    for node in nodes:
        if node.kind != "string":
            raise Refused(f"`{name}` must hold strings, not a {node.kind}")
    return [node.value for node in nodes]


def _one_line(text):
    """JSON text without line breaks: between tokens a space means the same, and inside a string none can stand."""
    return text.replace("\r", " ").replace("\n", " ")
