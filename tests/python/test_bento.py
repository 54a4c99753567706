"""What manifests/python/bento_server.py makes of what BentoML prints."""

import unittest

import onnx_serving  # noqa: F401, which finds bento_server

from bento_server import Starts

# What BentoML 1.4.39 prints of a constructor that fails, shortened.
FAILS = b"""\
2026-11-30T10:39:50+0000 [ERROR] [:1] Initializing service error
Traceback (most recent call last):
  File "service.py", line 5, in __init__
    raise RuntimeError("the weights are of another size")
RuntimeError: the weights are of another size
2026-11-30T10:39:50+0000 [ERROR] [:1] Traceback (most recent call last):
  File "starlette/routing.py", line 692, in lifespan
    async with self.lifespan_context(app) as maybe_state:

RuntimeError: the weights are of another size
and this is said of them

2026-11-30T10:39:50+0000 [ERROR] [:1] Application startup failed. Exiting.
2026-11-30T10:39:50+0000 [ERROR] [:1] Application startup failed. Exiting.
"""
STARTS = b"2026-11-30T10:40:49+0000 [INFO] [:1] Service Irises initialized\n"


class Constructors(unittest.TestCase):
    def failures(self, *printed):
        told = []
        starts = Starts(lambda: told.append(starts.reason))
        for text in printed:
            for line in text.splitlines(keepends=True):
                starts.line(line)
        return told

    def test_the_first_failure_is_told(self):
        self.assertEqual(self.failures(FAILS, FAILS), ["RuntimeError: the weights are of another size"])

    def test_what_was_up_may_come_back(self):
        self.assertEqual(self.failures(STARTS, FAILS, FAILS, STARTS, FAILS, FAILS), [])
        self.assertEqual(len(self.failures(STARTS, FAILS, FAILS, FAILS, FAILS)), 1)

    def test_errors_of_requests_are_no_failures(self):
        self.assertEqual(self.failures(STARTS, FAILS.partition(b"2026-11-30T10:39:50+0000 [ERROR] [:1] Application")[0] * 9), [])


if __name__ == "__main__":
    unittest.main()
