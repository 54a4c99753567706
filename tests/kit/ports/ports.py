"""Ports of this machine for programs that tests start, in one place for all folders of
Python tests; tests/kit/programs has the same for those in Go."""

import random
import socket

# Below what Linux gives to whoever asks for any port (from 32768 on), so that nobody gets
# one of these by chance before the program listens there, and below those that radiant
# local gives by itself (from 20000 on).
FIRST, LAST = 10240, 19999

_given = set()


def free_port():
    """One that nobody listens on, and that is given once: a server of gRPC would share it
    with another."""
    while True:
        port = random.randint(FIRST, LAST)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
