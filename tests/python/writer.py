"""Writes one flag as the Python services do: the whole record, by a plain SET.

    python3 writer.py PORT PREFIX NAME

Reads the record, turns `enabled` around and raises the percentage by one, from 0 again after 100.
"""

import json
import sys
from dataclasses import asdict

from engine import Flag
from reader import Redis


def main(arguments):
    if len(arguments) != 3 or not arguments[0].isdigit():
        print("usage: writer.py PORT PREFIX NAME", file=sys.stderr)
        return 1
    port, prefix, name = arguments
    redis = Redis(int(port))
    try:
        data = redis.command("GET", prefix + name)
        flag = Flag(**json.loads(data.decode("utf-8"))) if data is not None else Flag(name=name)
        flag.enabled = not flag.enabled
        flag.rollout_percentage = (flag.rollout_percentage + 1) % 101
        redis.command("SET", prefix + name, json.dumps(asdict(flag)))
    finally:
        redis.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
