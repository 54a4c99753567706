"""The parts of manifests/python/modelserver that need no framework."""

import contextlib
import gzip
import http.client
import json
import pathlib
import re
import socket
import tempfile
import threading
import unittest
from unittest import mock

import onnx_serving  # noqa: F401, which finds modelserver
from modelserver import process, web
from modelserver.model import leaf_names


class LeafNames(unittest.TestCase):
    def test_names_lead_to_what_an_answer_holds(self):
        for answer, names in (
            (0, ["output-0"]),
            ((0, (1, 2)), ["output-0", "output-1", "output-2"]),
            ({"label": 0, "score": 1}, ["label", "score"]),
            # The second state is not the scores.
            ({"states": (0, 1), "scores": 2}, ["states-0", "states-1", "scores"]),
            ({"a": {"b": 0}, "c": [1]}, ["a-b", "c-0"]),
            ({"a-0": 0, "a": [1]}, ["output-0", "output-1"]),
            ([{"a": 0}], ["output-0"]),
        ):
            self.assertEqual(leaf_names(answer), names)


class Cores(unittest.TestCase):
    """Limits of processors as containers find them."""

    def cores(self, files):
        with tempfile.TemporaryDirectory() as root, mock.patch("os.sched_getaffinity", lambda _: range(8), create=True):
            for name, text in files.items():
                path = pathlib.Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return process.cores(pathlib.Path(root))

    def test_they_follow_the_limit_of_the_container(self):
        groups, v2, v1 = "proc/self/cgroup", "sys/fs/cgroup/", "sys/fs/cgroup/cpu/"
        for files, want in (
            ({}, 8),
            ({groups: "0::/\n", v2 + "cpu.max": "max 100000\n"}, 8),
            ({groups: "0::/\n", v2 + "cpu.max": "200000 100000\n"}, 2),
            ({groups: "0::/\n", v2 + "cpu.max": "50000 100000\n"}, 1),
            ({groups: "0::/\n", v2 + "cpu.max": "250000 100000\n"}, 3),
            ({groups: "0::/\n", v2 + "cpu.max": "9900000 100000\n"}, 8),
            # Of groups within each other the least counts, and the machine's path is not seen.
            ({groups: "0::/a/b\n", v2 + "a/cpu.max": "300000 100000\n", v2 + "a/b/cpu.max": "max 100000\n"}, 3),
            ({groups: "0::/kubepods/pod7/c1\n", v2 + "cpu.max": "100000 100000\n"}, 1),
            ({groups: "7:cpu,cpuacct:/c1\n0::/\n", v1 + "c1/cpu.cfs_quota_us": "400000\n", v1 + "c1/cpu.cfs_period_us": "100000\n"}, 4),
            ({groups: "7:cpu,cpuacct:/c1\n", v1 + "cpu.cfs_quota_us": "-1\n", v1 + "cpu.cfs_period_us": "100000\n"}, 8),
        ):
            with self.subTest(files):
                self.assertEqual(self.cores(files), want)


class Web(unittest.TestCase):
    """What arrives at a connection, and what comes back."""

    def setUp(self):
        def answer(request):
            said = f"{request.method} {request.path} {request.headers.get('x-more')} {len(request.body)}"
            return web.Response(said.encode(), content_type="text/plain", headers=(("X-Own", "1"),))

        self.server = web.Server(("127.0.0.1", 0), answer, 1)
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(self.server.drain, 5)

    def exchange(self, *sent):
        """All that the server says until it ends the connection."""
        with socket.create_connection(self.server.server_address, 60) as connection:
            for part in sent:
                connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def bodies(self, *sent):
        """The bodies of the answers; what is not 200 with its status."""
        bodies, rest = [], self.exchange(*sent)
        while rest:
            head, _, rest = rest.partition("\r\n\r\n")
            status = head.split()[1]
            length = int(re.search("Content-Length: ([0-9]+)", head)[1])
            bodies.append(rest[:length] if status == "200" else f"{status} {json.loads(rest[:length])['error']}")
            rest = rest[length:]
        return bodies

    def test_a_body_may_not_be_longer_when_it_is_unpacked(self):
        with mock.patch.object(web, "MAX_BODY", 1000):
            for length, status, words in ((1000, 200, b" 1000"), (1001, 400, b"more than 1000 bytes when it is unpacked")):
                connection = http.client.HTTPConnection(*self.server.server_address, timeout=60)
                with contextlib.closing(connection):
                    connection.request("POST", "/", gzip.compress(bytes(length)), {"Content-Encoding": "gzip"})
                    response = connection.getresponse()
                    body = response.read()
                    self.assertEqual(response.status, status, body)
                    self.assertIn(words, body)

    def test_requests_one_behind_the_other(self):
        first = b"POST /a?b=c HTTP/1.1\r\nContent-Length: 3\r\nX-MORE: some\r\nx-more:  thing \r\n\r\nabc"
        # Ends of lines as people type them, and an empty one before.
        second = b"\r\nGET /b HTTP/1.1\nHost: x\n\n"
        chunked = b"PUT /c HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3;why=not\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
        want = ["POST /a some, thing 3", "GET /b None 0", "PUT /c None 13"]
        whole = first + second + chunked
        self.assertEqual(self.bodies(whole), want)
        self.assertEqual(self.bodies(*(whole[i : i + 1] for i in range(len(whole)))), want)

    def test_a_long_body_and_what_is_behind_it(self):
        long = b"POST /a HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + bytes(3000000)
        self.assertEqual(self.bodies(long + long), ["POST /a None 3000000"] * 2)

    def test_the_head_of_an_answer(self):
        said = self.exchange(b"GET / HTTP/1.1\r\n\r\n")
        self.assertRegex(
            said,
            "^HTTP/1.1 200 OK\r\nServer: modelserver\r\nDate: [A-Z][a-z]{2}, [^\r]+ GMT\r\nContent-Type: text/plain\r\n"
            "Content-Length: 12\r\nX-Own: 1\r\n\r\nGET / None 0$",
        )

    def test_connections_that_end(self):
        for first in (b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"):
            said = self.exchange(first + b"GET /more HTTP/1.1\r\n\r\n")
            self.assertIn("\r\nConnection: close\r\n", said)
            self.assertNotIn("/more", said)

    def test_a_client_that_waits_for_100(self):
        with socket.create_connection(self.server.server_address, 60) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(connection.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(b"ab")
            self.assertIn(b"POST / None 2", connection.recv(1000))

    def test_what_is_no_request(self):
        for head, said in (
            (b"GET /", "400 no request of HTTP/1.1: 'GET /'"),
            (b"PRI * HTTP/2.0", "400 no request of HTTP/1.1: 'PRI * HTTP/2.0'"),
            (b"BREW / HTTP/1.1", "501 there is no method 'BREW'"),
            (b"GET / HTTP/1.1\r\nno colon", "400 no header of HTTP/1.1: 'no colon'"),
            (b"GET / HTTP/1.1\r\nContent-Length : 1", "400 no header of HTTP/1.1: 'Content-Length : 1'"),
            (b"GET / HTTP/1.1\r\nA: b\r\n folded", "400 no header of HTTP/1.1: ' folded'"),
            (b"GET / HTTP/1.1\r\nContent-Length: 1_0", "400 length of the body: '1_0'"),
            (b"GET / HTTP/1.1\r\nContent-Length: -1", "400 length of the body: '-1'"),
            (b"GET / HTTP/1.1\r\nContent-Length: 3000000000", "400 length of the body: '3000000000'"),
            (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2", "400 length of the body: '1, 2'"),
            (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x1", "400 length of the body: '0x1'"),
            (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked", "501 Transfer-Encoding: 'gzip, chunked' is not chunked"),
            (b"GET / HTTP/1.1\r\nA: " + b"b" * 70000, "400 the head of a request has more than 65536 bytes"),
        ):
            with self.subTest(head[:60]):
                self.assertEqual(self.bodies(head + b"\r\n\r\nGET /more HTTP/1.1\r\n\r\n"), [said])

    def test_a_client_that_leaves(self):
        for sent in (b"", b"GET / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"):
            self.assertEqual(self.exchange(sent), "")

    def test_the_end_waits_for_a_request_under_way(self):
        entered, leave = threading.Event(), threading.Event()
        self.server.application = lambda request: (entered.set(), leave.wait(60), web.Response(b"late"))[2]
        with socket.create_connection(self.server.server_address, 60) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            self.assertTrue(entered.wait(60))
            self.assertFalse(self.server.drain(0.05))
            drained = []
            waits = threading.Thread(target=lambda: drained.append(self.server.drain(60)))
            waits.start()
            leave.set()
            said = connection.recv(1000)
            self.assertIn(b"Connection: close", said)
            self.assertTrue(said.endswith(b"late"))
            waits.join(60)
            self.assertEqual(drained, [True])


if __name__ == "__main__":
    unittest.main()
