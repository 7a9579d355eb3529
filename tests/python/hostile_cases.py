"""The cases of `hostile.jsonl`: documents and lines that must be refused, and strange ones that must not be."""

from cases import Vectors, joined, must_refuse, text

WHOLE = '{"name":"x","enabled":true,"rollout_percentage":12.5,"allowed_users":["u1","\\u00e9"],"allowed_groups":["beta"],"value":{"a":[1,null]}}'


def hostile():
    vectors = Vectors()
    for step in (
        wrong_types,
        bad_numbers,
        surrogates,
        depth,
        bad_syntax,
        truncations,
        not_objects,
        large,
        malformed_lines,
        strange_but_allowed,
    ):
        step(vectors)
    return vectors


def refuse_raw(vectors, why, raw, name="x"):
    vectors.refused(why, [("name", text(name)), ("user", '"u1"'), ("raw", text(raw, escaped=True))])


def accept_raw(vectors, why, raw):
    vectors.accepted(why, [("name", '"x"'), ("user", '"u1"'), ("default", '"d"'), ("raw", text(raw, escaped=True))])


def wrong_types(vectors):
    samples = {
        "bool": "true",
        "number": "1",
        "zero": "0",
        "string": '"true"',
        "number in a string": '"10"',
        "empty string": '""',
        "array": '["x"]',
        "empty array": "[]",
        "object": '{"x":1}',
        "empty object": "{}",
        "array with null": "[null]",
        "array with null at the end": '["x",null]',
        "array with a number": '["x",1]',
        "array with a bool": '[true,"x"]',
        "array in an array": '[["x"]]',
        "array with an object": '[{"x":"y"}]',
    }
    allowed = {
        "name": {"string", "number in a string", "empty string"},
        "enabled": {"bool"},
        "rollout_percentage": {"number", "zero"},
        "allowed_users": {"array", "empty array"},
        "allowed_groups": {"array", "empty array"},
    }
    for name, fitting in allowed.items():
        for kind, sample in samples.items():
            if kind not in fitting:
                raw = '{"enabled":true,' if name != "enabled" else "{"
                vectors.refused(f"{name} is {kind}", [("name", '"x"'), ("flag", raw + f"{text(name)}:{sample}}}")])
    refuse_raw(vectors, "the last of two fields has the wrong type", '{"enabled":true,"enabled":"yes"}')
    refuse_raw(vectors, "a disabled document is checked as well", '{"enabled":false,"rollout_percentage":"10"}')
    refuse_raw(vectors, "an escaped field name is that field", '{"\\u0065nabled":1}')


BAD_NUMBERS = [
    "NaN", "nan", "Infinity", "-Infinity", "+Infinity", "inf", "1e400", "-1e400", "1e309", "1.8e308", "9" * 400, "01", "-01",
    "00", "+1", "1.", ".5", "-.5", "-", "--1", "1e", "1e+", "1.e3", "0x10", "1_000", "1 0", "0b1", "1f", "１", "٣",
    "1e1.5", "- 1", "10%", "∞",
]


def bad_numbers(vectors):
    for number in BAD_NUMBERS:
        refuse_raw(vectors, "percentage", f'{{"enabled":true,"rollout_percentage":{number}}}')
        refuse_raw(vectors, "value", f'{{"enabled":true,"value":{number}}}')
        refuse_raw(vectors, "inside value", f'{{"enabled":true,"value":{{"a":[1,{number}]}}}}')
        refuse_raw(vectors, "unknown field", f'{{"enabled":true,"unknown":[{number}]}}')
    refuse_raw(vectors, "a decimal comma", '{"enabled":true,"rollout_percentage":12,5}')
    for number in ("1e400", "-1e309", "NaN", "Infinity"):
        refuse_raw(vectors, "value of a disabled document", f'{{"enabled":false,"value":{number}}}')
        refuse_raw(vectors, "first of two fields", f'{{"enabled":true,"value":{number},"value":1}}')
        vectors.refused_line("in a flag", f'{{"name":"x","flag":{{"enabled":true,"value":{number}}}}}')
        vectors.refused_line("in the default", f'{{"name":"x","default":{number},"flag":{{"enabled":true}}}}')
    accept_raw(vectors, "the largest float", '{"enabled":true,"value":1.7976931348623157e308}')
    accept_raw(vectors, "rounds down to the largest float", '{"enabled":true,"value":1.7976931348623158e308}')
    accept_raw(vectors, "underflows to zero", '{"enabled":true,"rollout_percentage":1e-400}')
    accept_raw(vectors, "looks like a number, is a string", '{"enabled":true,"value":"1e400 NaN"}')
    accept_raw(vectors, "a long but small number", '{"enabled":true,"rollout_percentage":0.' + "0" * 500 + "1}")
    accept_raw(vectors, "a huge exponent of zero", '{"enabled":true,"rollout_percentage":0e999999999}')


def surrogates(vectors):
    for escape in ("\\ud800", "\\uDBFF", "\\udc00", "\\uDFFF", "\\ud83dx", "x\\ude80", "\\ud83d\\ud83d", "\\ud83d\\u0041", "\\ude80\\ud83d", "\\ud83d\\n"):
        refuse_raw(vectors, "in name", f'{{"enabled":true,"name":"{escape}"}}')
        refuse_raw(vectors, "in a user", f'{{"enabled":true,"allowed_users":["{escape}"]}}')
        refuse_raw(vectors, "in a group", f'{{"enabled":true,"allowed_groups":["x","{escape}"]}}')
        refuse_raw(vectors, "in value", f'{{"enabled":true,"value":"{escape}"}}')
        refuse_raw(vectors, "in a field name inside value", f'{{"enabled":true,"value":{{"{escape}":1}}}}')
        refuse_raw(vectors, "in an unknown field", f'{{"enabled":true,"unknown":["{escape}"]}}')
        refuse_raw(vectors, "in a field name", f'{{"enabled":true,"{escape}":1}}')
    refuse_raw(vectors, "in the first of two fields", '{"enabled":true,"value":"\\ud800","value":1}')
    vectors.refused_line("in a flag", '{"name":"x","flag":{"enabled":true,"value":"\\udfff"}}')
    vectors.refused_line("in the case's name", '{"name":"\\ud800","flag":{"enabled":true}}')
    vectors.refused_line("in the user", '{"name":"x","user":"\\udc00","flag":{"enabled":true}}')
    vectors.refused_line("in a group of the case", '{"name":"x","groups":["\\udc00"],"flag":{"enabled":true}}')
    vectors.refused_line("in the default", '{"name":"x","default":"\\udc00","flag":{"enabled":true}}')
    vectors.refused_line("in the raw text itself", '{"name":"x","raw":"{\\"enabled\\":true,\\"value\\":\\"\\ud800\\"}"}')
    accept_raw(vectors, "a pair", '{"enabled":true,"value":"\\ud83d\\uDE80"}')
    accept_raw(vectors, "an escaped backslash before it", '{"enabled":true,"value":"\\\\ud800"}')
    accept_raw(vectors, "beside the surrogates", '{"enabled":true,"value":"\\ud7ff\\ue000\\uffff\\ufffe"}')


def depth(vectors):
    def nested(opening, closing, levels):
        return opening * levels + "1" + closing * levels

    for kind, opening, closing in (("arrays", "[", "]"), ("objects", '{"k":', "}")):
        for field in ("value", "unknown"):
            for levels in (100, 126, 127):
                raw = f'{{"enabled":true,"{field}":{nested(opening, closing, levels)}}}'
                accept_raw(vectors, f"{levels} {kind} in {field}", raw)
                vectors.accepted(f"{levels} {kind} in {field} of a flag", [("name", '"x"'), ("flag", raw)])
            for levels in (128, 129, 200, 1_000, 10_000):
                raw = f'{{"enabled":true,"{field}":{nested(opening, closing, levels)}}}'
                refuse_raw(vectors, f"{levels} {kind} in {field}", raw)
                if levels < 10_000:
                    line = f'{{"name":"x","flag":{raw}}}'
                    vectors.lines.append(refused_by_depth(line, f"{levels} {kind} in {field} of a flag"))
        vectors.accepted(f"127 {kind} in the default", [("name", '"x"'), ("default", nested(opening, closing, 127))])
        vectors.lines.append(refused_by_depth(f'{{"name":"x","default":{nested(opening, closing, 128)}}}', f"128 {kind} in the default"))
    refuse_raw(vectors, "arrays in a list of users", '{"enabled":true,"allowed_users":' + "[" * 200 + "]" * 200 + "}")
    refuse_raw(vectors, "openings without an end", '{"enabled":true,"value":' + "[" * 10_000)
    refuse_raw(vectors, "deep from the first character", "[" * 10_000)
    accept_raw(vectors, "many neighbours are not depth", '{"enabled":true,"value":[' + ",".join(["[]"] * 300) + "]}")
    accept_raw(vectors, "brackets in a string are not depth", '{"enabled":true,"value":"' + "[{" * 300 + '"}')


def refused_by_depth(line, why):
    must_refuse(why, line)
    return joined([("line", text(line)), ("why", text(why)), ("expect", '"refused"')])


def bad_syntax(vectors):
    for raw in (
        "",
        " ",
        "\n",
        "{",
        "}",
        "{}}",
        "{{}}",
        "[",
        '{"enabled"}',
        '{"enabled":}',
        '{"enabled" true}',
        '{"enabled":true "value":1}',
        '{"enabled":true,}',
        '{,"enabled":true}',
        '{"enabled":true,,"value":1}',
        '{"enabled";true}',
        '{"enabled"=true}',
        "{enabled:true}",
        "{'enabled':true}",
        '{"enabled":\'true\'}',
        '{"enabled":True}',
        '{"enabled":TRUE}',
        '{"enabled":tru}',
        '{"enabled":truee}',
        '{"enabled":false1}',
        '{"enabled":None}',
        '{"enabled":undefined}',
        '{"enabled":yes}',
        '{"enabled":true} x',
        '{"enabled":true}{"enabled":false}',
        '{"enabled":true},',
        '{"enabled":true};',
        '{"enabled":true}\0',
        '{"enabled":true}\x1a',
        "\0" + '{"enabled":true}',
        "\ufeff" + '{"enabled":true}',
        '{"enabled":true}' + "\ufeff",
        '{\ufeff"enabled":true}',
        '{"enabled":\u00a0true}',
        '{"enabled":\u2028true}',
        '{"enabled":\x0btrue}',
        '{"enabled":\x0ctrue}',
        '// comment\n{"enabled":true}',
        '{"enabled":true} // comment',
        '{/* comment */"enabled":true}',
        '# comment\n{"enabled":true}',
        '{"enabled":true,"allowed_users":["u1",]}',
        '{"enabled":true,"allowed_users":[,"u1"]}',
        '{"enabled":true,"allowed_users":["u1" "u2"]}',
        '{"enabled":true,"allowed_users":["u1"}',
        '{"enabled":true,"allowed_users":["u1"]]}',
        '{"enabled":true,"allowed_users":{"u1"}}',
        '{"enabled":true,"value":[1}',
        '{"enabled":true,"value":{"a":1]}',
        '{"enabled":true,"value":(1)}',
        '{"enabled":true,"value":"a\nb"}',
        '{"enabled":true,"value":"a\tb"}',
        '{"enabled":true,"value":"a\0b"}',
        '{"enabled":true,"value":"a\x1fb"}',
        '{"enabled":true,"val\nue":1}',
        '{"enabled":true,"value":"\\x41"}',
        '{"enabled":true,"value":"\\u12"}',
        '{"enabled":true,"value":"\\u12g4"}',
        '{"enabled":true,"value":"\\u+123"}',
        '{"enabled":true,"value":"\\U0001F6A9"}',
        '{"enabled":true,"value":"\\\'"}',
        '{"enabled":true,"value":"\\0"}',
        '{"enabled":true,"value":"\\"}',
        '{"enabled":true,"value":"x}',
        '{"enabled":true,"unknown":nul}',
        '{"enabled":true,"unknown":[1,]}',
        '{"enabled":true,"unknown":"\\q"}',
        '{"enabled":true,"unknown":"\\u00zz"}',
        '{"enabled":true,1:2}',
        '{"enabled":true,null:2}',
        "name=x enabled=true",
        "<flag enabled='true'/>",
        "enabled: true",
        "\x1f\x8b\x08",
        "%7B%22enabled%22%3Atrue%7D",
        "eyJlbmFibGVkIjp0cnVlfQ==",
    ):
        refuse_raw(vectors, "syntax", raw)


def truncations(vectors):
    for end in range(len(WHOLE)):
        refuse_raw(vectors, f"cut at byte {end}", WHOLE[:end])
    accept_raw(vectors, "not cut", WHOLE)


def not_objects(vectors):
    for raw in (
        "null",
        "true",
        "false",
        "0",
        "100",
        '""',
        '"on"',
        '"{\\"enabled\\":true}"',
        "[]",
        "[true]",
        '["x",true,100]',
        '["x",true,100,[],[],null]',
        '[{"enabled":true}]',
        '[["enabled",true]]',
    ):
        refuse_raw(vectors, "not an object", raw)
        if raw != "null":
            vectors.refused("not an object as a flag", [("name", '"x"'), ("flag", raw)])


def large(vectors):
    long = "x" * 100_000
    accept_raw(vectors, "a long value", '{"enabled":true,"value":"' + long[:40_000] + '"}')
    accept_raw(vectors, "a long unknown field", f'{{"enabled":true,"{long}":1}}')
    refuse_raw(vectors, "a long string without an end", '{"enabled":true,"value":"' + long)
    refuse_raw(vectors, "a long word", long[:10_000])
    refuse_raw(vectors, "a long number", '{"enabled":true,"value":' + "1" * 50_000 + "}")
    accept_raw(vectors, "a long fraction", '{"enabled":true,"rollout_percentage":1.' + "3" * 20_000 + "}")
    refuse_raw(vectors, "many escapes, the last one lone", '{"enabled":true,"value":"' + "\\ud83d\\ude80" * 2_000 + '\\ud83d"}')
    accept_raw(vectors, "much whitespace", " " * 20_000 + '{"enabled":true}' + "\n" * 2_000)
    vectors.accepted("a long name and user", [("name", text("n" * 30_000)), ("user", text("é" * 10_000)), ("flag", '{"enabled":true,"rollout_percentage":50}')])


def malformed_lines(vectors):
    for line in (
        "",
        " ",
        "\t",
        "null",
        "true",
        "42",
        '"name"',
        "[]",
        "{}",
        '["n"]',
        '["n",{"enabled":true},null,"u",[],true]',
        "{",
        '{"name":"n"',
        '{"name":"n"}}',
        '{"name":"n"} {"name":"m"}',
        "{'name':'n'}",
        '\ufeff{"name":"n"}',
        '{"name":"n"}\0',
        '{"name":"n",}',
        '{"name":null}',
        '{"name":1}',
        '{"name":true}',
        '{"name":["n"]}',
        '{"name":{"n":1}}',
        '{"Name":"n"}',
        '{"flag":{"enabled":true}}',
        '{"raw":"{}"}',
        '{"name":"n","flag":{"enabled":true},"raw":"{}"}',
        '{"name":"n","raw":"{}","flag":{}}',
        '{"name":"n","raw":{}}',
        '{"name":"n","raw":1}',
        '{"name":"n","raw":["{}"]}',
        '{"name":"n","raw":true}',
        '{"name":"n","flag":true}',
        '{"name":"n","flag":"{}"}',
        '{"name":"n","flag":[]}',
        '{"name":"n","flag":0}',
        '{"name":"n","user":1}',
        '{"name":"n","user":true}',
        '{"name":"n","user":["u"]}',
        '{"name":"n","user":{"id":"u"}}',
        '{"name":"n","groups":"beta"}',
        '{"name":"n","groups":{"beta":true}}',
        '{"name":"n","groups":[null]}',
        '{"name":"n","groups":["beta",null]}',
        '{"name":"n","groups":[1]}',
        '{"name":"n","groups":[["beta"]]}',
        '{"name":"n","groups":true}',
        '{"name":"n","groups":0}',
        '{"name":"n","default":}',
        '{"name":"n","default":NaN}',
        '{"name":"n","default":tru}',
        '{"name":"n","flag":{"enabled":tru}}',
        '{"name":"n","other":nul}',
        '{"name":"n\tm"}',
        '{"name":"n","flag":{"enabled":true}',
        '{"name":"n","raw":"{\\"enabled\\":true}',
        "name,flag,user",
        "GET ff:n",
        "quit",
    ):
        vectors.refused_line("not a case", line)


def strange_but_allowed(vectors):
    for why, raw in (
        ("an empty object", "{}"),
        ("line breaks everywhere", '\r\n{\r\n"enabled"\r\n:\r\ntrue\r\n}\r\n'),
        ("an empty field name", '{"":1,"enabled":true}'),
        ("a NUL in a field name", '{"\\u0000":1,"enabled":true}'),
        ("a prototype", '{"__proto__":{"enabled":false},"enabled":true}'),
        ("serde_json's own keys", '{"$serde_json::private::Number":"1","$serde_json::private::RawValue":"2","enabled":true}'),
        ("serde_json's own number inside value", '{"enabled":true,"value":{"$serde_json::private::Number":"1e5"}}'),
        ("a value like a document", '{"enabled":true,"value":{"enabled":false,"allowed_users":[1]}}'),
        ("a percentage below every float", '{"enabled":true,"rollout_percentage":-1e-400}'),
        ("an unknown field of a known field's wrong type", '{"enabled":true,"enabled_at":"yes","users":[null]}'),
    ):
        accept_raw(vectors, why, raw)
    for why, fields in (
        ("unknown fields of a line", [("name", '"x"'), ("id", "1"), ("kind", '{"a":[1]}'), ("flag", '{"enabled":true}')]),
        ("escaped field names of a line", [("name", '"x"'), ("flag", '{"enabled":true}')]),
        ("a null raw beside a flag", [("name", '"x"'), ("raw", "null"), ("flag", '{"enabled":true}')]),
        ("a null flag beside a raw text", [("name", '"x"'), ("flag", "null"), ("raw", text('{"enabled":true}'))]),
        ("a case of its own inside a flag", [("name", '"x"'), ("flag", '{"name":"y","flag":{"enabled":true},"enabled":true}')]),
    ):
        vectors.accepted(why, fields)
