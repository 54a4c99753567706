"""One loaded SavedModel: its signatures, and running them on arrays."""

import pathlib

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2

from modelserver.errors import ServingError, invalid

SERVE = "serve"
DEFAULT_SIGNATURE = "serving_default"
# A signature that the loader adds for its own use.
_INIT_OP = "__saved_model_init_op"

# TensorFlow numbers its errors as gRPC does.
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}

# Where a TensorProto keeps the elements of a type that is not packed raw.
_FIELDS = {
    tf.float32: "float_val",
    tf.float64: "double_val",
    tf.int8: "int_val",
    tf.int16: "int_val",
    tf.int32: "int_val",
    tf.uint8: "int_val",
    tf.uint16: "int_val",
    tf.int64: "int64_val",
    tf.uint32: "uint32_val",
    tf.uint64: "uint64_val",
    tf.bool: "bool_val",
    tf.string: "string_val",
}


class Signature:
    """A named function of a model. Inputs and outputs go by their aliases."""

    def __init__(self, name, definition, function):
        self.name = name
        self.definition = definition
        self.inputs = {k: tf.DType(v.dtype) for k, v in definition.inputs.items()}
        self._function = function
        self._defaults = {k: tf.make_ndarray(v) for k, v in definition.defaults.items()}
        # Shapes come from the signature: the function may know less.
        self._shapes = {
            k: tf.TensorShape(v.tensor_shape) for k, v in definition.inputs.items()
        }

    @property
    def required(self):
        """The inputs that a request must bring, sorted."""
        return sorted(set(self.inputs) - set(self._defaults))

    def run(self, tensors, output_filter=()):
        """Maps input arrays by alias to output arrays by alias."""
        self._check_names(tensors)
        wanted = self._wanted(output_filter)
        feed = {**self._defaults, **tensors}
        try:
            feed = {k: tf.convert_to_tensor(v, self.inputs[k]) for k, v in feed.items()}
            for name, value in feed.items():
                if not self._shapes[name].is_compatible_with(value.shape):
                    raise invalid(
                        f"input {name!r} has shape {tuple(value.shape)}, "
                        f"the signature {self.name!r} takes {_spell(self._shapes[name])}"
                    )
            outputs = self._function(**feed)
            return {name: _array(outputs[name]) for name in wanted}
        except tf.errors.OpError as err:
            raise from_tensorflow(err) from err

    def _check_names(self, tensors):
        extra = sorted(set(tensors) - set(self.inputs))
        missing = sorted(set(self.required) - set(tensors))
        if extra or missing:
            raise invalid(
                f"input size does not match signature: {len(tensors)}!={len(self.inputs)} "
                f"len({{{','.join(sorted(tensors))}}}) != "
                f"len({{{','.join(sorted(self.inputs))}}}). "
                f"Sent extra: {{{','.join(extra)}}}. "
                f"Missing but required: {{{','.join(missing)}}}."
            )

    def _wanted(self, output_filter):
        known = sorted(self.definition.outputs)
        for position, alias in enumerate(output_filter):
            if alias not in known:
                raise invalid(
                    f"output tensor alias not found in signature: {alias} "
                    f"Outputs expected to be in the set {{{','.join(known)}}}."
                )
            if alias in output_filter[:position]:
                raise invalid(f"duplicate output tensor alias: {alias}")
        return list(output_filter) or known


class LoadedModel:
    """A SavedModel in memory."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        definitions = _signature_definitions(folder)
        self._model = tf.saved_model.load(str(folder), tags=[SERVE])
        self.signatures = {
            name: Signature(name, definition, self._model.signatures[name])
            for name, definition in definitions.items()
            if name in self._model.signatures
        }

    def signature(self, name):
        """The signature, the default one for an empty name, or None."""
        return self.signatures.get(name or DEFAULT_SIGNATURE)


def _signature_definitions(folder):
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    for graph in saved.meta_graphs:
        if SERVE in graph.meta_info_def.tags:
            return {k: v for k, v in graph.signature_def.items() if k != _INIT_OP}
    raise ServingError(
        "FAILED_PRECONDITION", f"{folder}: the SavedModel has no graph with the tag {SERVE!r}"
    )


def from_tensorflow(err):
    """Turns a tf.errors.OpError into a ServingError."""
    return ServingError(_CODES.get(err.error_code, "UNKNOWN"), err.message)


def _array(tensor):
    """An array also of a single string, which numpy() gives as bare bytes."""
    value = tensor.numpy()
    return np.array(value, object) if isinstance(value, bytes) else np.asarray(value)


def _spell(shape):
    if shape.rank is None:
        return "any shape"
    return "(" + ", ".join("?" if d is None else str(d) for d in shape.as_list()) + ")"


def to_tensor(proto, name):
    """Reads a TensorProto whichever of its fields holds the elements."""
    try:
        return tf.io.parse_tensor(proto.SerializeToString(), tf.DType(proto.dtype))
    except (tf.errors.OpError, TypeError, ValueError) as err:
        message = err.message if isinstance(err, tf.errors.OpError) else str(err)
        raise invalid(f"input {name!r} is not a tensor: {message}") from err


def to_proto(array):
    """Writes an array with typed fields, as TensorFlow Serving answers."""
    dtype = tf.string if array.dtype.kind in "OSU" else tf.as_dtype(array.dtype)
    field = _FIELDS.get(dtype)
    if field is None:
        return tf.make_tensor_proto(array)
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    getattr(proto, field).extend(np.ravel(array).tolist())
    return proto
