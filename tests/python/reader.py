"""Loads every flag below a prefix as the Python services do, and prints them as one JSON object.

    python3 reader.py PORT PREFIX

`KEYS <prefix>*`, a GET for each, `Flag(**data)`. Exits with 1 if anything fails: one bad document fails the whole
refresh of those services, so it fails here.
"""

import json
import socket
import sys
from dataclasses import asdict

from engine import Flag


class Redis:
    """The two commands that this reader needs, over RESP2."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._replies = self._socket.makefile("rb")

    def command(self, *words):
        parts = [word if isinstance(word, bytes) else word.encode("utf-8") for word in words]
        packed = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self._socket.sendall(packed)
        return self._reply()

    def close(self):
        self._replies.close()
        self._socket.close()

    def _reply(self):
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise RuntimeError(rest.decode("utf-8", "replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self._bulk(int(rest))
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        raise ConnectionError(f"not a RESP2 reply: {line!r}")

    def _bulk(self, length):
        if length < 0:
            return None
        data = self._replies.read(length + 2)
        if len(data) != length + 2:
            raise ConnectionError("redis closed the connection in the middle of a value")
        return data[:-2]


def load(port, prefix):
    """All flags below `prefix`, by name."""
    redis = Redis(port)
    try:
        flags = {}
        for key in redis.command("KEYS", prefix + "*"):
            data = redis.command("GET", key)
            if data is not None:
                flags[key.decode("utf-8")[len(prefix) :]] = Flag(**json.loads(data.decode("utf-8")))
        return flags
    finally:
        redis.close()


def main(arguments):
    if len(arguments) != 2 or not arguments[0].isdigit():
        print("usage: reader.py PORT PREFIX", file=sys.stderr)
        return 1
    try:
        flags = load(int(arguments[0]), arguments[1])
    except Exception as error:  # whatever it is, the services' refresh has failed
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(json.dumps({name: asdict(flag) for name, flag in sorted(flags.items())}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
