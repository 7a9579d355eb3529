"""Writes the vectors that Rust is compared with: `decisions.jsonl`, `hostile.jsonl` and `buckets.jsonl`.

    python3 make_vectors.py            writes ../vectors
    python3 make_vectors.py --check    exits with 1 if ../vectors is not what this program writes

Every line can be piped into `cargo flags eval --jsonl` as it is: what is not part of a case (`expect`, `why`, `line`) is
an unknown field there. `expect` is the exact output, or the word "refused"; a `line` is to be tried by itself instead of
the line that holds it. The same seed writes the same bytes.
"""

import random
import sys
from pathlib import Path

import engine
from cases import joined, text
from decision_cases import NAMES, USERS, decisions
from hostile_cases import hostile

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
LARGEST_FILE = 2_000_000
FEWEST_LINES = {"decisions.jsonl": 2_000, "hostile.jsonl": 398, "buckets.jsonl": 1_000}


def main(arguments):
    files = {
        "decisions.jsonl": decisions(random.Random(20_260_101)).text(),
        "hostile.jsonl": hostile().text(),
        "buckets.jsonl": buckets(random.Random(20_260_102)),
    }
    stale = []
    for name, content in files.items():
        data = content.encode("utf-8")
        lines = content.count("\n")
        assert len(data) < LARGEST_FILE, f"{name} has {len(data)} bytes"
        assert lines >= FEWEST_LINES[name], f"{name} has {lines} lines"
        path = VECTORS / name
        if arguments == ["--check"]:
            if not path.is_file() or path.read_bytes() != data:
                stale.append(name)
        else:
            VECTORS.mkdir(exist_ok=True)
            path.write_bytes(data)
            print(f"{name}: {lines} lines, {len(data)} bytes")
    if stale:
        print(f"not what make_vectors.py writes: {', '.join(stale)}", file=sys.stderr)
        return 1
    return 0


def buckets(rng):
    pairs = [(name, user) for name in NAMES for user in USERS]
    pairs += [(f"flag_{n % 7}", f"user-{n}") for n in range(600)]
    pairs += [("n" * length, "") for length in range(50, 70)] + [("", "u" * length) for length in range(50, 70)]
    pairs += [("é" * length, "\U0001f6a9" * length) for length in (1, 5, 9, 10, 11, 40)]
    # Two pairs with the same `<name>:<user>` share a bucket; that is part of the formula.
    pairs += [("a:b", "c"), ("a", "b:c")]
    lines = []
    for name, user in dict.fromkeys(pairs):
        n = engine.position(name, user)
        fields = [("name", text(name, rng.random() < 0.5)), ("user", text(user, rng.random() < 0.5)), ("n", str(n))]
        lines.append(joined([*fields, ("bucket", repr(engine.percent(n)))]))
    return "".join(line + "\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
