#!/usr/bin/env python3
"""A router: sends each request to the model that takes as many columns.

Speaks the component API of SeldonDeployments over HTTP with nothing but the
standard library. POST /route answers with the number of the child to call.
"""

import http.server
import json
import os

# Columns of a row -> child of the graph: flowers have 4, tumours 30.
CHILD_BY_WIDTH = {4: 0, 30: 1}


def route(message):
    data = message["data"]
    if "tensor" in data:
        width = data["tensor"]["shape"][-1]
    else:
        width = len(data["ndarray"][0])
    if width not in CHILD_BY_WIDTH:
        raise ValueError(f"rows have {width} columns, want one of {sorted(CHILD_BY_WIDTH)}")
    return {"data": {"ndarray": [[CHILD_BY_WIDTH[width]]]}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200 if self.path.startswith("/health") else 404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/route":
            self.answer(404, failure(404, f"no such path: {self.path}"))
            return
        try:
            self.answer(200, route(json.loads(body)))
        except (ValueError, LookupError, TypeError) as err:
            self.answer(400, failure(400, str(err)))

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
