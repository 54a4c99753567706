"""HTTP/1.1 for the servers of this folder: a thread for each connection, and little
work for each request, since that of a small model is little itself."""

import dataclasses
import email.utils
import gzip
import http
import io
import json
import logging
import re
import socket
import socketserver
import struct
import threading
import time
import zlib

from modelserver.errors import ServingError, invalid

MAX_HEAD = 65536
MAX_BODY = 2**31 - 1
IDLE_SECONDS = 75
LINGER_SECONDS = 1
LINGER_BYTES = 1 << 20
METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))

_RECEIVE = 65536
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_DIGITS = {10: re.compile("[0-9]{1,20}"), 16: re.compile("[0-9a-fA-F]{1,20}")}
_PHRASES = {status.value: status.phrase for status in http.HTTPStatus}

log = logging.getLogger("modelserver")


@dataclasses.dataclass(slots=True)
class Request:
    method: str
    # Without the query.
    path: str
    # By names in small letters.
    headers: dict
    body: bytes


@dataclasses.dataclass(slots=True)
class Response:
    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: tuple = ()


def failure(status, message):
    """The answer to a request that failed, in the form that all protocols share."""
    return Response((json.dumps({"error": message}, ensure_ascii=False) + "\n").encode(), status)


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Binds at once, accepts once serve_forever runs, drains on close.

    A connection has a thread of its own; how many requests are worked on at a
    time is bounded by workers. The application makes a Response of a Request.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address, application, workers, name="modelserver"):
        self.application = application
        self.workers = threading.Semaphore(workers)
        self.draining = False
        self._name = name
        self._dated = (0, "")
        self._active = 0
        self._lock = threading.Lock()
        self._idle = threading.Event()
        super().__init__(address, Connection, bind_and_activate=False)
        try:
            self.server_bind()
        except BaseException:
            self.server_close()
            raise

    def handle_error(self, request, client_address):
        log.debug("connection of %s ended", client_address, exc_info=True)

    def begin(self):
        with self._lock:
            self._active += 1

    def end(self):
        with self._lock:
            self._active -= 1
            if self.draining and not self._active:
                self._idle.set()

    def drain(self, seconds):
        """Accepts no more and waits for the requests under way."""
        with self._lock:
            self.draining = True
        self.shutdown()
        self.server_close()
        with self._lock:
            if not self._active:
                return True
        return self._idle.wait(seconds)

    def own_headers(self):
        """What all answers of a second say alike."""
        now, dated = int(time.time()), self._dated
        if dated[0] != now:
            dated = self._dated = (now, f"Server: {self._name}\r\nDate: {email.utils.formatdate(now, usegmt=True)}\r\n")
        return dated[1]


class Connection(socketserver.BaseRequestHandler):
    """One connection, and what was read from it and belongs to no request yet."""

    def setup(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The kernel counts: Python's own timeout costs a call of poll beside each of the socket.
        idle = struct.pack("@ll", IDLE_SECONDS, 0)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.request.setsockopt(socket.SOL_SOCKET, option, idle)
        self._read = b""
        self._ends = self._refused = False

    def handle(self):
        while not self._ends:
            head = self._head()
            if head is None:
                return
            self.server.begin()
            try:
                response = self._work(head)
                self._ends = self._ends or self.server.draining
                self._send(response)
            finally:
                self.server.end()
        if self._refused:
            self._linger()

    def _linger(self):
        """Reads on for a while: the end of a connection with more to be read would take the
        answer away from the client."""
        self.request.shutdown(socket.SHUT_WR)
        self.request.settimeout(LINGER_SECONDS)
        left = LINGER_BYTES
        while left > 0 and (more := self.request.recv(_RECEIVE)):
            left -= len(more)

    def _head(self):
        """The request line and headers; None: the client left, or had nothing to say."""
        while True:
            self._read = self._read.lstrip(b"\r\n")
            end = _END_OF_HEAD.search(self._read)
            if (end.start() if end else len(self._read)) > MAX_HEAD:
                return ""
            if end:
                break
            more = self._receive(_RECEIVE)
            if not more:
                return None
            self._read = self._read + more if self._read else more
        head, self._read = self._read[: end.start()], self._read[end.end() :]
        return head.decode("latin-1")

    def _receive(self, size):
        try:
            return self.request.recv(size)
        except BlockingIOError:  # IDLE_SECONDS are over
            return b""

    def _work(self, head):
        try:
            method, target, headers = self._parse(head)
            if method not in METHODS:
                raise ServingError("UNIMPLEMENTED", f"there is no method {method[:40]!r}")
            body = self._body(headers)
        except ServingError as err:
            # What follows on the connection cannot be told apart any more.
            self._ends = self._refused = True
            return failure(err.http_status, str(err))
        try:
            body = _unpacked(headers, body)
            with self.server.workers:
                return self.server.application(Request(method, target.partition("?")[0], headers, body))
        except ServingError as err:
            return failure(err.http_status, str(err))
        except Exception as err:  # the client must get an answer, the log the trace
            log.exception("answering %s %s", method, target)
            return failure(500, f"{type(err).__name__}: {err}")

    def _parse(self, head):
        lines = head.split("\n")
        words = lines[0].split()
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise invalid(f"no request of HTTP/1.1: {lines[0][:40]!r}" if head else f"the head of a request has more than {MAX_HEAD} bytes")
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name.strip() != name:
                raise invalid(f"no header of HTTP/1.1: {line[:40]!r}")
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        self._ends = words[2] == "HTTP/1.0" or "close" in headers.get("connection", "").lower()
        return words[0], words[1], headers

    def _body(self, headers):
        if headers.get("expect", "").lower() == "100-continue":
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        coding = headers.get("transfer-encoding")
        if coding is None:
            return self._exactly(_length(headers.get("content-length", "0"), 10))
        if coding.lower() != "chunked":
            raise ServingError("UNIMPLEMENTED", f"Transfer-Encoding: {coding[:40]!r} is not chunked")
        return self._chunks()

    def _chunks(self):
        parts, total = [], 0
        while True:
            size = _length(self._line().partition(b";")[0].strip().decode("latin-1"), 16)
            total = _length(str(total + size), 10)
            if size == 0:
                while self._line().strip():
                    pass  # trailers
                return b"".join(parts)
            parts.append(self._exactly(size))
            self._line()

    def _line(self):
        while b"\n" not in self._read:
            if len(self._read) > MAX_HEAD:
                raise invalid(f"a line between chunks has more than {MAX_HEAD} bytes")
            self._read += self._more(_RECEIVE)
        line, _, self._read = self._read.partition(b"\n")
        return line

    def _exactly(self, length):
        body, self._read = self._read[:length], self._read[length:]
        if len(body) == length:
            return body
        parts, left = [body], length - len(body)
        while left:
            # Never more than is missing: what follows is the next request's.
            parts.append(self._more(min(left, 1 << 20)))
            left -= len(parts[-1])
        return b"".join(parts)

    def _more(self, size):
        more = self._receive(size)
        if not more:
            raise ConnectionResetError("the client left within the body")
        return more

    def _send(self, response):
        lines = [
            f"HTTP/1.1 {response.status} {_PHRASES.get(response.status, '')}\r\n{self.server.own_headers()}"
            f"Content-Type: {response.content_type}\r\nContent-Length: {len(response.body)}\r\n"
        ]
        lines += [f"{name}: {value}\r\n" for name, value in response.headers]
        if self._ends:
            lines.append("Connection: close\r\n")
        lines.append("\r\n")
        # Head and body leave in one packet.
        self.request.sendall("".join(lines).encode("latin-1") + response.body)


def _length(text, base):
    # int alone would take signs, spaces and underscores too, which others read otherwise.
    length = int(text, base) if _DIGITS[base].fullmatch(text) else -1
    if not 0 <= length <= MAX_BODY:
        raise invalid(f"length of the body: {text[:40]!r}")
    return length


def _unpacked(headers, body):
    if headers.get("content-encoding", "").lower() != "gzip":
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as unpacked:
            body = unpacked.read(MAX_BODY + 1)
    except (OSError, EOFError, zlib.error) as err:
        raise invalid(f"body is not gzip: {err}") from err
    if len(body) > MAX_BODY:
        raise invalid(f"the body has more than {MAX_BODY} bytes when it is unpacked")
    return body
