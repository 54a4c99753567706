"""TensorFlow Serving's REST API on the standard library's HTTP server."""

import gzip
import http.server
import json
import logging
import re
import socket
import threading
import zlib

from google.protobuf import json_format

from tfserver import classify, rows, services
from tfserver.errors import ServingError, invalid

MAX_BODY = 2**31 - 1
IDLE_SECONDS = 75

_PREDICT = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?/?:(classify|regress|predict)", re.I
)
_STATUS = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?(/metadata)?", re.I
)

log = logging.getLogger("tensorflow_server")


def handle(models, method, path, body):
    """Answers one request with the bytes of a JSON document."""
    match = _PREDICT.fullmatch(path)
    if method == "POST" and match:
        name, version, label, verb = match.groups()
        found = models.find(name, _number(version), label)
        return _VERBS[verb.lower()](found[1], body)
    match = _STATUS.fullmatch(path)
    if method == "GET" and match:
        name, version, label, metadata = match.groups()
        if metadata:
            return _metadata(services.metadata(models, name, _number(version), label))
        if label:
            version = models.find(name, label=label)[0]
        return _message(services.status(models, name, _number(version)))
    raise invalid(f"Malformed request: {method} {path}")


def _number(text):
    return None if text is None else int(text)


def _message(message):
    return _pretty(_to_dict(message))


def _metadata(message):
    document = _to_dict(message)
    for packed in document["metadata"].values():
        del packed["@type"]
    return _pretty(document)


def _to_dict(message):
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _pretty(document):
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def _signature(model, document):
    name = rows.signature_name(document)
    signature = model.signature(name)
    if signature is None:
        raise invalid(
            f'Serving signature name: "{name or "serving_default"}" not found in signature def'
        )
    return signature


def _predict(model, body):
    document = rows.parse_object(body)
    signature = _signature(model, document)
    inputs, row_format = rows.read_inputs(document, signature)
    return rows.write_outputs(signature.run(inputs), row_format)


def _classify(model, body):
    document = rows.parse_object(body)
    examples = classify.read_examples(document)
    results = classify.classify(_signature(model, document), examples)
    text = [
        [f"[{json.dumps(label)}, {rows.spell(score, '')}]" for label, score in classes]
        for classes in results
    ]
    return rows.document("results", "[" + ", ".join(f"[{', '.join(t)}]" for t in text) + "]")


def _regress(model, body):
    document = rows.parse_object(body)
    examples = classify.read_examples(document)
    values = classify.regress(_signature(model, document), examples)
    return rows.document("results", rows.spell(values, ""))


_VERBS = {"predict": _predict, "classify": _classify, "regress": _regress}


class Server(http.server.ThreadingHTTPServer):
    """Binds at once, accepts once serve_forever runs, drains on close.

    A connection has a thread of its own; how many requests are worked on at a
    time is bounded by workers.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address, models, workers):
        self.models = models
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
        return "tensorflow_server"

    def log_message(self, format, *args):
        log.debug(format, *args)

    def _answer(self):
        self.server.begin()
        try:
            status, body = self._work(self.command)
            if self.server.draining.is_set():
                self.close_connection = True
            self._send(status, body)
        finally:
            self.server.end()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _work(self, method):
        try:
            body = self._body()
            path = self.path.split("?", 1)[0]
            if not path.lower().startswith("/v1/"):
                return 404, _error(f"Not found: {path}")
            with self.server.workers:
                return 200, handle(self.server.models, method, path, body)
        except ServingError as err:
            return err.http_status, _error(str(err))
        except ConnectionError:
            raise
        except Exception as err:  # the client must get an answer, the log the trace
            log.exception("answering %s %s", method, self.path)
            return 500, _error(f"{type(err).__name__}: {err}")

    def _send(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
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
            return gzip.decompress(body)
        except (OSError, EOFError, zlib.error) as err:
            raise invalid(f"body is not gzip: {err}") from err

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


def _error(message):
    return (json.dumps({"error": message}, ensure_ascii=False) + "\n").encode()
