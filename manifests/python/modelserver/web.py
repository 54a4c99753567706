"""HTTP/1.1 for the servers of this folder, on the standard library's server."""

import dataclasses
import gzip
import http.server
import io
import json
import logging
import socket
import threading
import zlib

from modelserver.errors import ServingError, invalid

MAX_BODY = 2**31 - 1
IDLE_SECONDS = 75

log = logging.getLogger("modelserver")


@dataclasses.dataclass(slots=True)
class Request:
    method: str
    # Without the query.
    path: str
    # A mapping without regard to case.
    headers: object
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


class Server(http.server.ThreadingHTTPServer):
    """Binds at once, accepts once serve_forever runs, drains on close.

    A connection has a thread of its own; how many requests are worked on at a
    time is bounded by workers. The application makes a Response of a Request.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address, application, workers, name="modelserver"):
        self.application = application
        self.name = name
        self.workers = threading.BoundedSemaphore(workers)
        self.draining = threading.Event()
        self._active = 0
        self._idle = threading.Condition()
        super().__init__(address, Handler, bind_and_activate=False)
        try:
            self.server_bind()
        except BaseException:
            self.server_close()
            raise

    def server_bind(self):
        # The one of HTTPServer looks up the host's name, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        log.debug("connection of %s ended", client_address, exc_info=True)

    def begin(self):
        with self._idle:
            self._active += 1

    def end(self):
        with self._idle:
            self._active -= 1
            self._idle.notify_all()

    def drain(self, seconds):
        """Accepts no more and waits for the requests under way."""
        self.draining.set()
        self.shutdown()
        self.server_close()
        with self._idle:
            return self._idle.wait_for(lambda: self._active == 0, seconds)


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    # Headers and body leave in one packet.
    wbufsize = -1

    def handle_expect_100(self):
        return True  # _body asks for the body, once the request counts as begun

    def version_string(self):
        return self.server.name

    def log_message(self, format, *args):
        log.debug(format, *args)

    def _answer(self):
        self.server.begin()
        try:
            response = self._work()
            if self.server.draining.is_set():
                self.close_connection = True
            self._send(response)
        finally:
            self.server.end()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _work(self):
        try:
            request = Request(self.command, self.path.split("?", 1)[0], self.headers, self._body())
            with self.server.workers:
                return self.server.application(request)
        except ServingError as err:
            return failure(err.http_status, str(err))
        except ConnectionError:
            raise
        except Exception as err:  # the client must get an answer, the log the trace
            log.exception("answering %s %s", self.command, self.path)
            return failure(500, f"{type(err).__name__}: {err}")

    def _send(self, response):
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(response.body)
        self.wfile.flush()

    def _body(self):
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            body = self._chunks()
        else:
            body = self._exactly(self._length(self.headers.get("Content-Length", "0"), 10))
        if self.headers.get("Content-Encoding", "").lower() != "gzip":
            return body
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(body)) as unpacked:
                body = unpacked.read(MAX_BODY + 1)
        except (OSError, EOFError, zlib.error) as err:
            raise invalid(f"body is not gzip: {err}") from err
        if len(body) > MAX_BODY:
            raise invalid(f"the body has more than {MAX_BODY} bytes when it is unpacked")
        return body

    def _length(self, text, base):
        try:
            length = int(text, base)
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY:
            # What follows on the connection cannot be told apart any more.
            self.close_connection = True
            raise invalid(f"length of the body: {text[:40]!r}")
        return length

    def _chunks(self):
        parts, total = [], 0
        while True:
            size = self._length(self.rfile.readline(1024).split(b";")[0].strip().decode("latin-1"), 16)
            total = self._length(str(total + size), 10)
            if size == 0:
                while self.rfile.readline(65536).strip():
                    pass  # trailers
                return b"".join(parts)
            parts.append(self._exactly(size))
            self.rfile.readline(8)

    def _exactly(self, length):
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            raise ConnectionResetError("the client left within the body")
        return body
