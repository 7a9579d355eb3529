"""The cases of `decisions.jsonl`: what an ordinary fleet writes and asks, in every spelling."""

import json
import math
from decimal import Decimal, localcontext
from fractions import Fraction

import engine
from cases import Vectors, context, document, joined, text

NAMES = [
    "new_checkout",
    "search.v2",
    "a",
    "x-1",
    "0",
    "flag_with_a_rather_long_name." * 4 + "end",
    "",
    " ",
    "with space",
    "colon:inside",
    "größe",
    "gro\u0308ße",
    "флаг",
    "旗",
    "\U0001f6a9",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    'quo"te',
    "back\\slash",
    "/slash/",
    "tab\tline\nreturn\r",
    "nul\0inside",
    "\u2028separator\u2029",
    "\ufeffbom",
    "\uffff\U0010ffff",
    "\x7f\x80\x9f",
    "null",
]

USERS = [
    "user-42",
    "u1",
    "u2",
    "",
    " ",
    "0",
    "true",
    "anonymous",
    "ann@example.org",
    "7f3c1f0e-58a4-4c9e-9f0e-3b8f2b0d9f11",
    "u" * 55,
    "u" * 64,
    "u" * 300,
    ":",
    "a:b",
    "Zoë",
    "Zoe\u0308",
    "żółw",
    "用户",
    "\U0001d518\U0001d52b\U0001d526",
    "\U0001f9d1\U0001f3fd\u200d\U0001f680",
    "\u202eright to left",
    'single \' and double "',
    "\\",
    "\\u0041",
    "\x01\x02\x1f",
    "\b\f\n\r\t",
    "nul\0",
    "\ud7ff\ue000",
    "ÅÅÅ",
]

VALUES = [
    "true",
    "false",
    "null",
    "0",
    "-0",
    "-0.0",
    "1",
    "1.0",
    "1e3",
    "1E+3",
    "10e-1",
    "0.1",
    "0.30000000000000004",
    "5e-324",
    "1e-400",
    "1.7976931348623157e308",
    "9007199254740993",
    "18446744073709551616",
    "123456789012345678901234567890",
    '""',
    '"control"',
    '"variant_b"',
    '"a \\"quoted\\" word"',
    '"\\u00e9\\/\\n"',
    '"\\ud83d\\udea9"',
    '"\\u0000"',
    '"\u00e9\U0001f6a9\u2028"',
    '"</script>"',
    "[]",
    "[ ]",
    "{}",
    "[1, 2.50, [\"x\", null]]",
    '{"limit": 10, "rate": 0.50, "limit": 11}',
    '{"a":{"b":{"c":[true,false,null]}}}',
    '{"":""}',
    '{ "spaced" : [ 1 , 2 ] }',
    '"true"',
    '"null"',
]

PERCENTAGES = [
    "0", "0.0", "-0", "-0.0", "0e5", "1", "5", "10", "25", "33.333", "50", "66.6", "75", "90", "99", "99.9",
    "99.99999999999999", "100", "100.0", "100.00000000000001", "101", "1000", "1e2", "1e1", "1E1", "1e+1", "1.0e1",
    "1000e-2", "0.5e2", "5e1", "12.5", "1e-9", "5e-324", "2.2250738585072014e-308", "1e-400", "0.1", "0.01", "-1", "-0.1",
    "-1e-9", "-5e-324", "-100", "1e300", "-1e300", "1.7976931348623157e308", "9007199254740993", "18446744073709551616",
    "3.3333333333333335", "33.33333333333333333333333333333333", "null",
]

WHITESPACE = ["", "", "", " ", "  ", "\t", "\n", "\r\n", " \n "]


def decisions(rng):
    vectors = Vectors()
    for step in (
        no_document,
        disabled,
        lists,
        every_percentage,
        boundaries,
        long_percentages,
        missing_and_null_fields,
        duplicate_fields,
        every_value,
        every_name_and_user,
        spellings,
        mixtures,
    ):
        step(vectors, rng)
    return vectors


def no_document(vectors, rng):
    for default in [*VALUES, None]:
        vectors.decision(context("new_checkout", "u1", default=default))
    for default in ("true", "false", "null", '"x"', None):
        vectors.decision([*context("new_checkout", default=default), ("flag", "null")])
        vectors.decision([*context("новый", "u1", ["g"], default=default), ("flag", "null"), ("raw", "null")])
    vectors.decision([("name", '"n"'), ("user", "null"), ("groups", "null"), ("default", "null")])


def disabled(vectors, rng):
    for pct in ("0", "50", "100", "1000", "null"):
        for value in ("null", "true", "false", '"x"', "1.0"):
            flag = document(
                name='"n"', enabled="false", rollout_percentage=pct, allowed_users='["u1"]', allowed_groups='["g"]', value=value
            )
            vectors.decision([*context("n", "u1", ["g"], default=rng.choice(VALUES)), ("flag", flag)])


def lists(vectors, rng):
    users = '["u1","u2","u1","","\\u005a\\u006f\\u00eb","\\ud83d\\udea9"]'
    groups = '["beta","Beta"," staff","","gr\\u00f6\\u00dfe"]'
    for user in ("u1", "u2", "u3", "U1", " u1", "", "Zoë", "Zoe\u0308", "\U0001f6a9"):
        for member_of in ([], ["beta"], ["BETA"], ["x", "staff", " staff"], [""], ["größe"], ["gro\u0308ße"], ["u1"]):
            for pct in ("0", "100"):
                flag = document(enabled="true", rollout_percentage=pct, allowed_users=users, allowed_groups=groups, value='"v"')
                vectors.decision([*context("listed", user, member_of, default='"d"', escaped=rng.random() < 0.5), ("flag", flag)])
    many = "[" + ",".join(f'"user-{n}"' for n in range(500)) + "]"
    for user in ("user-0", "user-499", "user-500", "user-"):
        vectors.decision([*context("listed", user), ("flag", document(enabled="true", rollout_percentage="0", allowed_users=many))])
    members = [f"group-{n}" for n in range(300)]
    for group in ("group-0", "group-299", "group-300"):
        flag = document(enabled="true", rollout_percentage="0", allowed_groups=f'["{group}"]')
        vectors.decision([*context("listed", "u", members), ("flag", flag)])


def every_percentage(vectors, rng):
    for pct in PERCENTAGES:
        for user in ("user-42", "u1", "", "Zoë"):
            flag = document(name='"n"', enabled="true", rollout_percentage=pct, allowed_users="[]", allowed_groups="[]", value="null")
            vectors.decision([*context("percent", user, default="false"), ("flag", flag)])


def boundaries(vectors, rng):
    """Percentages at, one ulp below and one ulp above the very bucket of the user."""
    pairs = [(rng.choice(NAMES), rng.choice(USERS)) for _ in range(40)]
    pairs += [(f"flag_{n}", f"user-{rng.randrange(10**9)}") for n in range(110)]
    for name, user in dict.fromkeys(pairs):
        at = engine.bucket(name, user)
        for pct in (math.nextafter(at, -math.inf), at, math.nextafter(at, math.inf)):
            flag = document(enabled="true", rollout_percentage=repr(pct), value='"in"')
            vectors.decision([*context(name, user, default='"out"'), ("flag", flag)])


def long_percentages(vectors, rng):
    """Exactly half-way between two floats, and just beside it: the parser must round to the last bit, ties to even."""
    for n in range(40):
        name, user = f"digits_{n}", f"user-{rng.randrange(10**9)}"
        at = engine.bucket(name, user)
        for low in (math.nextafter(at, -math.inf), at):
            digits = all_digits((Fraction(low) + Fraction(math.nextafter(low, math.inf))) / 2)
            for pct in (digits, digits + "0" * 30 + "1", digits[:-1] + "4" + "9" * 30):
                flag = document(enabled="true", rollout_percentage=pct)
                vectors.decision([*context(name, user), ("flag", flag)])


def all_digits(fraction):
    """A fraction over a power of two in decimal, every digit of it."""
    with localcontext() as precise:
        precise.prec = 1_200
        return format(Decimal(fraction.numerator) / Decimal(fraction.denominator), "f")


def missing_and_null_fields(vectors, rng):
    whole = {
        "name": '"n"',
        "enabled": "true",
        "rollout_percentage": "50",
        "allowed_users": '["u1"]',
        "allowed_groups": '["g"]',
        "value": '"v"',
    }
    for missing in range(64):
        names = list(whole)
        absent = {name for n, name in enumerate(names) if missing >> n & 1}
        user = rng.choice(["u1", "user-42", "user-43"])
        groups = rng.choice([[], ["g"]])
        left_out = {name: value for name, value in whole.items() if name not in absent}
        vectors.decision([*context("n", user, groups, '"d"'), ("flag", document(**left_out))])
        nulls = {name: "null" if name in absent else value for name, value in whole.items()}
        vectors.decision([*context("n", user, groups, '"e"'), ("flag", document(**nulls))])
    for raw in ("{}", " { } ", '{"unknown":1}', '{"Enabled":true}', '{"enabled ":true}', '{"enabled":true}'):
        vectors.decision([*context("n", "u1", default="true"), ("raw", text(raw))])


def duplicate_fields(vectors, rng):
    for raw in (
        '{"enabled":false,"enabled":true}',
        '{"enabled":true,"enabled":false}',
        '{"enabled":true,"enabled":null}',
        '{"enabled":null,"enabled":true}',
        '{"enabled":"yes","enabled":true}',
        '{"enabled":true,"rollout_percentage":0,"rollout_percentage":100}',
        '{"enabled":true,"rollout_percentage":100,"rollout_percentage":0}',
        '{"enabled":true,"rollout_percentage":"x","rollout_percentage":0}',
        '{"enabled":true,"rollout_percentage":0,"rollout_percentage":null}',
        '{"enabled":true,"rollout_percentage":0,"allowed_users":["u1"],"allowed_users":[]}',
        '{"enabled":true,"rollout_percentage":0,"allowed_users":[],"allowed_users":["u1"]}',
        '{"enabled":true,"rollout_percentage":0,"allowed_users":["u1"],"allowed_users":null}',
        '{"enabled":true,"rollout_percentage":0,"allowed_groups":["g"],"allowed_groups":["h"]}',
        '{"enabled":true,"value":1,"value":2}',
        '{"enabled":true,"value":1,"value":null}',
        '{"enabled":true,"value":null,"value":1.0}',
        '{"enabled":true,"x":1,"x":2,"x":{"x":1,"x":2}}',
        '{"enabled":false,"\\u0065nabled":true}',
        '{"enabled":true,"\\u0065nabled":false}',
        '{"name":"a","name":"b","enabled":true}',
    ):
        for user in ("u1", "u3"):
            vectors.decision([*context("twice", user, ["g"], '"d"'), ("raw", text(raw))])
    vectors.lines.extend(repeated_line_fields())


def repeated_line_fields():
    """The last field counts in a line as well."""
    for fields in (
        [("name", '"a"'), ("name", '"b"'), ("user", '"u1"'), ("flag", '{"enabled":true,"rollout_percentage":50}')],
        [("name", '"a"'), ("user", '"u2"'), ("user", '"u1"'), ("flag", '{"enabled":true,"allowed_users":["u1"]}')],
        [("name", '"a"'), ("flag", '{"enabled":true}'), ("flag", "null"), ("default", "true"), ("default", "7")],
    ):
        yield joined([*fields, ("expect", engine.answer(joined(fields)))])


def every_value(vectors, rng):
    for number, value in enumerate(VALUES):
        for enabled, pct in (("true", "100"), ("true", "0"), ("true", "50"), ("false", "100")):
            default = VALUES[(number * 7 + len(pct)) % len(VALUES)]
            flag = document(name='"v"', enabled=enabled, rollout_percentage=pct, value=value)
            vectors.decision([*context("values", f"user-{number}", default=default), ("flag", flag)])
        spread = '{ "enabled" : true ,\n  "value" :\r\n' + value.replace(", ", ",\n") + "\n}"
        vectors.decision([*context("values", "u", default='"d"'), ("raw", text(spread))])


def every_name_and_user(vectors, rng):
    for name in NAMES:
        for user in USERS:
            if rng.random() < 0.65:
                pct = rng.choice(["50", "50", "25.5", "75", repr(math.nextafter(engine.bucket(name, user), math.inf))])
                escaped = rng.random() < 0.5
                fields = context(name, user, escaped=escaped)
                vectors.decision([*fields, ("flag", document(enabled="true", rollout_percentage=pct))])


def spellings(vectors, rng):
    """One document, written in many ways; and one line, likewise."""
    for _ in range(60):
        gap = lambda: rng.choice(WHITESPACE)
        fields = [("enabled", "true"), ("rollout_percentage", rng.choice(["50", "5e1", "50.0"])), ("value", "[1, 2]")]
        fields += [("allowed_users", '["u1" , "u2"]'), ("unknown", '{"deep":[{"x":null}]}'), ("name", '"other"')]
        rng.shuffle(fields)
        raw = gap() + "{" + ",".join(f"{gap()}{text(name)}{gap()}:{gap()}{value}{gap()}" for name, value in fields) + "}" + gap()
        escaped = rng.random() < 0.5
        vectors.decision([*context("spelt", rng.choice(USERS), default="3"), ("raw", text(raw, escaped))])


def mixtures(vectors, rng):
    for number in range(330):
        name = rng.choice([*NAMES[:6], f"flag_{number}"])
        users = [*rng.sample(USERS, 3), f"user-{number}"]
        groups = rng.sample(["beta", "staff", "größe", "\U0001f6a9", "a b"], 3)
        fields = {
            "name": text(name),
            "enabled": rng.choice(["true", "true", "true", "false"]),
            "rollout_percentage": rng.choice([*PERCENTAGES, repr(rng.random() * 100), repr(round(rng.random() * 100, 2))]),
            "allowed_users": json.dumps(users[:2], ensure_ascii=rng.random() < 0.5),
            "allowed_groups": json.dumps(groups[:1]),
            "value": rng.choice(VALUES),
        }
        for dropped in rng.sample(list(fields), rng.randrange(3)):
            del fields[dropped]
        flag = document(**fields)
        given = ("raw", text(flag, rng.random() < 0.5)) if rng.random() < 0.3 else ("flag", flag)
        member_of = rng.sample(groups, rng.randrange(2)) if rng.random() < 0.4 else None
        vectors.decision([*context(name, rng.choice(users), member_of, rng.choice([*VALUES, None])), given])
