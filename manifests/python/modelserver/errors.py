"""The one error that leaves a server of this folder, and what each API calls it."""

import re

import grpc


class ServingError(Exception):
    """A failure with a canonical status code, such as NOT_FOUND."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code

    @property
    def grpc_code(self):
        return grpc.StatusCode[self.code]

    @property
    def http_status(self):
        return _HTTP.get(self.code, 500)


# TensorFlow Serving's own mapping (model_servers/http_server.cc), but for
# RESOURCE_EXHAUSTED, which is 429 there: what a framework has no memory for is no
# matter of the client, who would ask again.
_HTTP = {
    "CANCELLED": 499,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "UNAUTHENTICATED": 401,
}


def invalid(message):
    return ServingError("INVALID_ARGUMENT", message)


# What onnxruntime, PyTorch and the C++ library say of it.
_NO_MEMORY = re.compile("(?:can't|cannot|failed to) allocate memory|bad.?alloc|(?:out of|not enough) memory", re.IGNORECASE)


def while_running(framework, message):
    """A failure within a model: the request is wrong in a way that the model does not
    say before, unless memory was too little."""
    if _NO_MEMORY.search(message):
        return ServingError("INTERNAL", f"{framework} has too little memory for this request: {message}")
    return invalid(f"{framework}: {message}")
