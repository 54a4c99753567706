"""The open inference protocol over REST, with binary data."""

import functools
import json
import re
import time

import numpy as np
import orjson

from modelserver import model as models_
from modelserver import tensors
from modelserver.errors import ServingError, invalid
from modelserver.web import Response, failure

# Where the JSON of a body with binary data ends.
JSON_LENGTH = "Inference-Header-Content-Length"
_JSON_LENGTH = JSON_LENGTH.lower()

# Longer numbers are no versions, or lengths; Python reads 4300 digits at most.
_DIGITS = 20

# What the protocol calls the states of versions.
_STATES = {"LOADING": "LOADING", "AVAILABLE": "READY", "END": "UNAVAILABLE"}

_MODEL = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(/infer|/ready)?/?")


class Application:
    """What web.Server asks for each request. models are versions.Models whose
    versions are model.Models; server is the name in the server's metadata."""

    def __init__(self, models, metrics, server):
        self._models = models
        self._metrics = metrics
        self._server = {"name": server, "version": "1", "extensions": ["binary_tensor_data"]}

    def __call__(self, request):
        path = request.path
        name, version, what = _model(path)
        if what == "/infer":
            return self._infer(request, name, version)
        if what == "/ready":
            return self._ready(name, version)
        if name:
            return _json(self._metadata(name, version))
        if path in ("/v2/health/live", "/v2/health/ready"):
            return _json({path.rsplit("/", 1)[1]: True})
        if path.rstrip("/") == "/v2":
            return _json(self._server)
        if path == "/v2/repository/index":
            return self._index(request)
        if path == "/metrics":
            return Response(self._metrics.text(), content_type=self._metrics.content_type)
        return failure(404, f"Not found: {path}")

    def _index(self, request):
        """All versions, and why those are not ready that are not, as the extension of
        the protocol for repositories has it. Which are loaded says the folder alone."""
        if request.method != "POST":
            return failure(405, f"{request.method} {request.path}: the index is asked for by POST")
        return _json([_entry(name, version, state) for name, version, state in self._models.index()])

    def _ready(self, name, version):
        try:
            self._models.find(name, number(version))
        except ServingError as err:
            return failure(err.http_status, str(err))
        return _json({"name": name, "ready": True})

    def _metadata(self, name, version):
        _, loaded = self._models.find(name, number(version))
        return {
            "name": name,
            "versions": [str(n) for n, state in self._models.states(name) if state.name == "AVAILABLE"],
            "platform": loaded.platform,
            "inputs": [_spec(s, None) for s in loaded.inputs],
            "outputs": [_spec(s, loaded.labels.get(s.name)) for s in loaded.outputs],
        }

    def _infer(self, request, name, version):
        if request.method != "POST":
            return failure(405, f"{request.method} {request.path}: a prediction is asked for by POST")
        began, code = time.perf_counter(), "INTERNAL"
        try:
            found, loaded = self._models.find(name, number(version))
            document, binary = split(request)
            # Most requests ask for nothing in particular.
            asked = _Asked(document) if document.get("outputs") or "parameters" in document else _ALL
            arrays = read_inputs(document, binary)
            answer = models_.predict(loaded, arrays, asked.names)
            response = _answer({"model_name": name, "model_version": str(found)}, document.get("id"), loaded, answer, asked)
            code = "OK"
            return response
        except ServingError as err:
            code = err.code
            raise
        finally:
            self._metrics.answered(name, "rest", code, time.perf_counter() - began)


def _entry(name, version, state):
    entry = {"name": name, "version": str(version), "state": _STATES[state.name]}
    if state.error is not None:
        entry["reason"] = str(state.error)
    return entry


@functools.lru_cache(1000)
def _model(path):
    """The model that a path names, its version, and what it is asked for."""
    found = _MODEL.fullmatch(path)
    return found.groups() if found else (None, None, None)


def number(version):
    """A version as people write it, as a number; None: the highest."""
    if not version:
        return None
    if not version.isascii() or not version.isdigit() or len(version) > _DIGITS:
        raise ServingError("NOT_FOUND", f"there is no version {version[:40]!r}: versions are numbers")
    return int(version)


def _spec(spec, labels):
    described = {"name": spec.name, "datatype": spec.datatype}
    shape = spec.likely if spec.shape is None else spec.shape
    if shape is not None:
        described["shape"] = list(shape or (-1,))
    if labels:
        described["parameters"] = {"labels": labels}
    return described


def _json(value):
    return Response(orjson.dumps(value))


def split(request):
    """The JSON document of a body, and the bytes behind it."""
    body, binary = request.body, b""
    length = request.headers.get(_JSON_LENGTH)
    if length is not None:
        if not length.isascii() or not length.isdigit() or len(length) > _DIGITS or int(length) > len(body):
            raise invalid(f"{JSON_LENGTH}: {length[:40]!r} is not a length within the body, which has {len(body)} bytes")
        body, binary = body[: int(length)], memoryview(body)[int(length) :]
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = _lenient(body)
    if not isinstance(document, dict):
        raise invalid("the body is not a JSON object")
    return document, binary


def _lenient(body):
    """Reads what others spell: a bare NaN or Infinity."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as err:
        raise invalid(f"the body is not JSON: {err}") from err


def read_inputs(document, binary):
    """The arrays of a request by name."""
    inputs = document.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise invalid("'inputs' must be a list of tensors")
    arrays, at = {}, 0
    for tensor in inputs:
        if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
            raise invalid("each of 'inputs' must be an object with a name")
        name = tensor["name"]
        if name in arrays:
            raise invalid(f"input {name!r} is there twice")
        dtype = tensors.dtype_of(tensor.get("datatype"), name)
        shape = tensors.shape_of(tensor.get("shape"), name)
        size = _parameters(tensor).get("binary_data_size") if "parameters" in tensor else None
        if size is None:
            if "data" not in tensor:
                raise invalid(f"input {name!r} has neither data nor binary_data_size")
            arrays[name] = tensors.shaped(tensors.from_json(tensor["data"], dtype, name), shape, name)
            continue
        if type(size) is not int or not 0 <= size <= len(binary) - at:
            raise invalid(f"input {name!r}: binary_data_size is {size}, and {len(binary) - at} bytes are left")
        arrays[name] = tensors.from_raw(binary[at : at + size], dtype, shape, name)
        at += size
    if at < len(binary):
        raise invalid(f"{len(binary) - at} bytes behind the JSON belong to no input")
    return arrays


def _parameters(of):
    found = of.get("parameters")
    return found if isinstance(found, dict) else {}


class _Asked:
    """The outputs that a request asks for, and which of them as bytes."""

    def __init__(self, document):
        self.names, self._each, self._all = [], {}, False
        outputs = document.get("outputs") or []
        if not isinstance(outputs, list) or not all(isinstance(o, dict) and isinstance(o.get("name"), str) for o in outputs):
            raise invalid("'outputs' must be a list of objects with a name")
        self._all = _parameters(document).get("binary_data_output") is True
        self._each = {o["name"]: _parameters(o).get("binary_data", self._all) is True for o in outputs}
        self.names = list(self._each)

    def binary(self, name):
        return self._each.get(name, self._all)


_ALL = _Asked({})


def _answer(document, id_, loaded, arrays, asked):
    if isinstance(id_, str) and id_:
        # Half of a pair of UTF-16, which JSON can spell, is no text.
        document["id"] = id_.encode(errors="replace").decode()
    head, binary = _head(document, loaded, arrays, asked, _data)
    # null is what orjson makes of NaN and of infinities alike.
    if b"null" in head:
        head, binary = _head(document, loaded, arrays, asked, _data_with_infinities)
    if not binary:
        return Response(head)
    return Response(
        b"".join([head, *binary]), content_type="application/octet-stream", headers=((JSON_LENGTH, str(len(head))),)
    )


def _head(document, loaded, arrays, asked, data):
    """The JSON of an answer, and what lies behind it."""
    outputs, binary = [], []
    for name, array in arrays.items():
        written = {"name": name, "datatype": tensors.datatype(array), "shape": array.shape}
        labels = loaded.labels.get(name)
        parameters = {"labels": labels} if labels else {}
        if asked.binary(name):
            raw = tensors.to_raw(array)
            parameters["binary_data_size"] = len(raw)
            binary.append(raw)
        else:
            written["data"] = data(array)
        if parameters:
            written["parameters"] = parameters
        outputs.append(written)
    document["outputs"] = outputs
    return orjson.dumps(document, default=_spelled, option=orjson.OPT_SERIALIZE_NUMPY), binary


def _data(array):
    """What orjson writes as the list of the elements; NaN becomes null."""
    flat = array.ravel()
    if flat.dtype.kind in "OSU":
        return [v.decode() if isinstance(v, bytes) else str(v) for v in flat.tolist()]
    if flat.dtype == tensors.FP16:
        flat = flat.astype(np.float32)
    return flat


def _data_with_infinities(array):
    flat = _data(array)
    if not isinstance(flat, np.ndarray) or flat.dtype.kind != "f" or not np.isinf(flat).any():
        return flat
    spelled = {"nan": "null", "inf": "Infinity", "-inf": "-Infinity"}
    texts = flat.astype("U32").tolist()
    return orjson.Fragment(("[" + ",".join(spelled.get(t, t) for t in texts) + "]").encode())


def _spelled(value):
    raise TypeError(f"{type(value).__name__} has no place in JSON")
