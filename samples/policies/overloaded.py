#!/usr/bin/env python3
"""A model that is always overloaded: it answers 503 to every request."""

import http.server
import os


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200 if self.path.startswith("/health") else 404)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(503)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *args):
        pass


if __name__ == "__main__":
    port = int(os.environ.get("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "9000"))
    http.server.ThreadingHTTPServer(("", port), Handler).serve_forever()
