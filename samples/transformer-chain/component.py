#!/usr/bin/env python3
"""Two transformers around the digit model, in one program.

Speaks the component API of SeldonDeployments over HTTP with nothing but the
standard library. POST /transform-input scales pixels from 0..255 to 0..1;
POST /transform-output turns a probability per digit into the likeliest one.
"""

import http.server
import json
import os

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def scale(message):
    rows = [[pixel / 255 for pixel in row] for row in message["data"]["ndarray"]]
    return {"meta": message.get("meta", {}), "data": {"ndarray": rows}}


def name(message):
    rows = []
    for chances in message["data"]["ndarray"]:
        best = max(range(len(chances)), key=chances.__getitem__)
        rows.append([NAMES[best], chances[best]])
    return {"meta": message.get("meta", {}), "data": {"names": ["digit", "chance"], "ndarray": rows}}


METHODS = {"/transform-input": scale, "/transform-output": name}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200 if self.path.startswith("/health") else 404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        method = METHODS.get(self.path)
        if method is None:
            self.answer(404, failure(404, f"no such path: {self.path}"))
            return
        try:
            self.answer(200, method(json.loads(body)))
        except (ValueError, LookupError, TypeError) as err:
            self.answer(400, failure(400, f"{type(err).__name__}: {err}"))

    def answer(self, status, message):
        body = json.dumps(message).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


def failure(code, info):
    return {"status": {"code": code, "info": info, "status": "FAILURE"}}


if __name__ == "__main__":
    port = int(os.environ.get("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "9000"))
    http.server.ThreadingHTTPServer(("", port), Handler).serve_forever()
