"""The one error that leaves a server of this folder, and what each API calls it."""

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


# TensorFlow Serving's own mapping (model_servers/http_server.cc).
_HTTP = {
    "CANCELLED": 499,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "UNAUTHENTICATED": 401,
}


def invalid(message):
    return ServingError("INVALID_ARGUMENT", message)
