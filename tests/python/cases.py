"""Lines of vectors: how a case is written, and the proof that it says what it should.

The outputs come from `engine.answer`. Where the services' own reader can read a document too, both must agree, and each
hostile case says beforehand whether it is refused, so that an error of the engine cannot write itself into the vectors.
"""

import json

import engine
from strict_json import Refused


class Vectors:
    """The lines of one file, each of them proved to be what it says."""

    def __init__(self):
        self.lines = []

    def decision(self, fields):
        """A case that is answered; `fields` are pairs of a name and the JSON text of its value."""
        expected = engine.answer(joined(fields))
        agree_with_the_services(fields, expected)
        self.lines.append(joined([*fields, ("expect", expected)]))

    def accepted(self, why, fields):
        """A hostile case that is answered all the same."""
        self.decision([("why", text(why)), *fields])

    def refused(self, why, fields):
        """A hostile case that is an error."""
        line = joined([("why", text(why)), *fields, ("expect", '"refused"')])
        must_refuse(why, line)
        self.lines.append(line)

    def refused_line(self, why, line):
        """A line that is no case at all. It has no name here either, so it is an error piped as it is, too."""
        must_refuse(why, line)
        self.lines.append(joined([("line", text(line)), ("why", text(why)), ("expect", '"refused"')]))

    def text(self):
        assert len(set(self.lines)) == len(self.lines), "a case is there twice"
        assert not any("\n" in line for line in self.lines)
        return "".join(line + "\n" for line in self.lines)


def text(string, escaped=False):
    """A JSON string; escaped to ASCII or as it is."""
    return json.dumps(string, ensure_ascii=escaped)


def joined(fields):
    return "{" + ",".join(f"{text(name)}:{value}" for name, value in fields) + "}"


def must_refuse(why, line):
    try:
        found = engine.answer(line)
    except Refused:
        return
    raise AssertionError(f"not refused ({why}): {line[:200]} -> {found}")


def agree_with_the_services(fields, expected):
    """Where the services' reader can read the document, its answer is the expected one."""
    case = {}
    for name, value in fields:
        case[name] = json.loads(value)
    document = case.get("flag")
    if case.get("raw") is not None:
        document = json.loads(case["raw"])
    if document is None:
        return
    known = ("enabled", "rollout_percentage", "allowed_users", "allowed_groups", "value")
    flag = engine.Flag(case["name"], **{name: document[name] for name in known if document.get(name) is not None})
    answer = json.loads(expected)
    default = case.get("default")
    is_on = engine.is_enabled(flag, case.get("user") or "", case.get("groups") or [])
    assert answer["enabled"] is is_on, (fields, expected)
    assert answer["configured"] == engine.get_value(flag, default), (fields, expected)
    assert answer["value"] == (flag.value if is_on and flag.value is not None else default), (fields, expected)
    assert (answer["reason"] == "DISABLED") == (not flag.enabled)


def document(**fields):
    """A document's text from the JSON texts of its fields, in the order of the writers."""
    order = ["name", "enabled", "rollout_percentage", "allowed_users", "allowed_groups", "value"]
    return joined([(name, fields[name]) for name in order if name in fields])


def context(name, user=None, groups=None, default=None, escaped=False):
    fields = [("name", text(name, escaped))]
    if user is not None:
        fields.append(("user", text(user, escaped)))
    if groups is not None:
        fields.append(("groups", "[" + ",".join(text(group, escaped) for group in groups) + "]"))
    if default is not None:
        fields.append(("default", default))
    return fields
