"""The open inference protocol over gRPC, with raw contents."""

import logging
import time

import grpc
import numpy as np

from modelserver import model as models_
from modelserver import tensors
from modelserver.errors import ServingError, invalid
from modelserver.inference_descriptor import message
from modelserver.v2 import number

SERVICE = "inference.GRPCInferenceService"

# Where a tensor's contents lie, by its datatype; FP16 has raw contents only.
_FIELDS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    tensors.BYTES: "bytes_contents",
}

log = logging.getLogger("modelserver")


def read_inputs(request):
    """The arrays of a request by name."""
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise invalid(f"there are {len(raw)} raw contents for {len(request.inputs)} inputs")
    arrays = {}
    for i, tensor in enumerate(request.inputs):
        name = tensor.name
        if name in arrays:
            raise invalid(f"input {name!r} is there twice")
        dtype = tensors.dtype_of(tensor.datatype, name)
        shape = tuple(tensor.shape)
        if any(d < 0 for d in shape):
            raise invalid(f"input {name!r}: a dimension of its shape is negative")
        if raw:
            arrays[name] = tensors.from_raw(raw[i], dtype, shape, name)
        else:
            arrays[name] = tensors.shaped(_contents(tensor, dtype, name), shape, name)
    return arrays


def _contents(tensor, dtype, name):
    field = _FIELDS.get(tensor.datatype)
    if field is None:
        raise invalid(f"input {name!r}: {tensor.datatype} is for raw contents")
    values = getattr(tensor.contents, field)
    if dtype == tensors.OBJECT:
        array = np.empty(len(values), object)
        array[:] = [tensors.text(v, name) for v in values]
        return array
    return tensors.cast(np.array(values, _wide(field)), dtype, name)


def _wide(field):
    """The type in which a field holds numbers."""
    return {
        "bool_contents": np.bool_, "uint_contents": np.uint32, "uint64_contents": np.uint64, "int_contents": np.int32,
        "int64_contents": np.int64, "fp32_contents": np.float32, "fp64_contents": np.float64,
    }[field]


def write_output(response, name, array, labels, as_raw):
    output = response.outputs.add(name=name, datatype=tensors.datatype(array), shape=array.shape)
    if labels:
        output.parameters["labels"].string_param = labels
    if as_raw:
        response.raw_output_contents.append(tensors.to_raw(array))
        return
    flat = array.ravel().tolist()
    if output.datatype == tensors.BYTES:
        flat = [v if isinstance(v, bytes) else str(v).encode() for v in flat]
    getattr(output.contents, _FIELDS[output.datatype]).extend(flat)


class Service:
    """The methods of the service, for versions.Models whose versions are model.Models."""

    def __init__(self, models, metrics, server):
        self._models = models
        self._metrics = metrics
        self._server = server

    def ServerLive(self, request):
        return message("ServerLiveResponse")(live=True)

    def ServerReady(self, request):
        return message("ServerReadyResponse")(ready=True)

    def ModelReady(self, request):
        try:
            self._models.find(request.name, number(request.version))
        except ServingError:
            return message("ModelReadyResponse")(ready=False)
        return message("ModelReadyResponse")(ready=True)

    def ServerMetadata(self, request):
        return message("ServerMetadataResponse")(name=self._server, version="1", extensions=["binary_tensor_data"])

    def ModelMetadata(self, request):
        _, loaded = self._models.find(request.name, number(request.version))
        response = message("ModelMetadataResponse")(name=request.name, platform=loaded.platform)
        response.versions.extend(str(n) for n, s in self._models.states(request.name) if s.name == "AVAILABLE")
        for specs, to in ((loaded.inputs, response.inputs), (loaded.outputs, response.outputs)):
            for spec in specs:
                to.add(name=spec.name, datatype=spec.datatype, shape=spec.shape or spec.likely or (-1,))
        return response

    def ModelInfer(self, request):
        began, code = time.perf_counter(), "INTERNAL"
        try:
            found, loaded = self._models.find(request.model_name, number(request.model_version))
            arrays = read_inputs(request)
            answer = models_.predict(loaded, arrays, [o.name for o in request.outputs])
            response = message("ModelInferResponse")(model_name=request.model_name, model_version=str(found), id=request.id)
            # As the client wrote, so it reads; a type without a field of its own is raw.
            as_raw = bool(request.raw_input_contents) or any(tensors.datatype(a) not in _FIELDS for a in answer.values())
            for name, array in answer.items():
                write_output(response, name, array, loaded.labels.get(name), as_raw)
            code = "OK"
            return response
        except ServingError as err:
            code = err.code
            raise
        finally:
            self._metrics.answered(request.model_name, "grpc", code, time.perf_counter() - began)


def add(server, service):
    """Gives the service to a gRPC server."""
    methods = ("ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer")
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            _served(getattr(service, name)),
            request_deserializer=message(name + "Request").FromString,
            response_serializer=message(name + "Response").SerializeToString,
        )
        for name in methods
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


def _served(method):
    """Turns what a method raises into a status."""

    def call(request, context):
        try:
            return method(request)
        except ServingError as err:
            context.abort(err.grpc_code, str(err))
        except Exception as err:  # the client must get an answer, the log the trace
            log.exception("answering %s", method.__name__)
            context.abort(grpc.StatusCode.INTERNAL, f"{type(err).__name__}: {err}")

    return call
