"""JSON bodies of the REST API to arrays, and arrays to JSON."""

import base64
import binascii
import itertools
import json
import math

import numpy as np
import tensorflow as tf

from modelserver.errors import ServingError, invalid

_MISSING = object()


def parse_object(body):
    """Reads a body that must be a JSON object. NaN and Infinity are numbers."""
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise invalid(f"JSON Parse error: {err}") from err
    if not isinstance(document, dict):
        raise invalid(f"JSON Value: {_brief(document)} Is not object")
    return document


def signature_name(document):
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid("'signature_name' key must be a string value.")
    return name


def read_inputs(document, signature):
    """Returns arrays by input alias, and whether the body is in row format."""
    instances = document.get("instances", _MISSING)
    inputs = document.get("inputs", _MISSING)
    if instances is not _MISSING and inputs is not _MISSING:
        raise invalid("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist")
    if instances is not _MISSING:
        return _read_rows(instances, signature), True
    if inputs is not _MISSING:
        return _read_columns(inputs, signature), False
    raise invalid("Missing 'inputs' or 'instances' key")


def _read_rows(instances, signature):
    if not isinstance(instances, list):
        raise invalid("Expecting 'instances' to be an list/array")
    if not instances:
        raise invalid("No values in 'instances' array")
    if not _is_named(instances[0]):
        name = _only_input(signature, "instances is a plain list, but expecting list of objects")
        for position, item in enumerate(instances):
            if _is_named(item):
                raise invalid(f"Expecting value/list but got object at item {position} of input list")
        return {name: _array(instances, signature.inputs[name], name)}
    names = set(instances[0])
    required = set(signature.required)
    for position, item in enumerate(instances):
        if not _is_named(item):
            raise invalid(f"Expecting object but got list at item {position} of input list")
        if set(item) != names or not required <= names <= set(signature.inputs):
            raise invalid(
                f"Failed to process element: {position} of 'instances' list. "
                f"JSON object keys {{{','.join(sorted(item))}}} must be equal to: "
                f"{','.join(sorted(signature.inputs))}"
            )
    return {
        name: _array([item[name] for item in instances], signature.inputs[name], name)
        for name in sorted(names)
    }


def _read_columns(inputs, signature):
    if not _is_named(inputs):
        name = _only_input(signature, "inputs is a plain value/list, but expecting an object")
        return {name: _array(inputs, signature.inputs[name], name)}
    for name in signature.required:
        if name not in inputs:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {
        name: _array(inputs[name], dtype, name)
        for name, dtype in signature.inputs.items()
        if name in inputs
    }


def _only_input(signature, complaint):
    required = signature.required or sorted(signature.inputs)
    if len(required) != 1:
        raise invalid(f"{complaint} as multiple input tensors required: {','.join(required)}")
    return required[0]


def _is_named(value):
    return isinstance(value, dict) and not is_base64(value)


def is_base64(value):
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_base64(value):
    text = value["b64"]
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as err:
        raise invalid("Unable to base64 decode") from err


def _array(value, dtype, name):
    """Nested lists to an array of exactly this type, or an error."""
    shape = []
    probe = value
    while isinstance(probe, list):
        shape.append(len(probe))
        probe = probe[0] if probe else None
    leaves = [value]
    for level, size in enumerate(shape):
        for item in leaves:
            if not isinstance(item, list):
                raise invalid(f"input {name!r}: JSON Value: {_brief(item)} found at incorrect level: {level}")
            if len(item) != size:
                raise invalid(
                    f"input {name!r}: Encountered list at unexpected size: {len(item)} "
                    f"at level: {level} expected size: {size}"
                )
        leaves = list(itertools.chain.from_iterable(leaves))
    try:
        flat = _leaves(leaves, dtype)
    except ServingError as err:
        raise ServingError(err.code, f"input {name!r}: {err}") from err
    return flat.reshape(shape)


def _leaves(leaves, dtype):
    kinds = set(map(type, leaves))
    if dtype == tf.string:
        return _strings(leaves)
    if dtype == tf.bool:
        allowed = {bool}
    elif dtype.is_integer:
        allowed = {int}
    elif dtype.is_floating:
        allowed = {int, float}
    else:
        raise ServingError("UNIMPLEMENTED", f"Conversion of JSON Value to type: {dtype.name}")
    if not kinds <= allowed:
        wrong = next(v for v in leaves if type(v) not in allowed)
        raise invalid(f"JSON Value: {_brief(wrong)} is not of expected type: {dtype.name}")
    if dtype.is_integer and leaves:
        limits = np.iinfo(dtype.as_numpy_dtype)
        for value in (min(leaves), max(leaves)):
            if not limits.min <= value <= limits.max:
                raise invalid(f"JSON Value: {value} is not of expected type: {dtype.name}")
    if dtype.is_floating:
        return _floats(leaves, dtype, int in kinds)
    return np.array(leaves, dtype.as_numpy_dtype)


def _strings(leaves):
    out = np.empty(len(leaves), object)
    for i, value in enumerate(leaves):
        if isinstance(value, str):
            out[i] = value.encode()
        elif is_base64(value):
            out[i] = decode_base64(value)
        else:
            raise invalid(f"JSON Value: {_brief(value)} is not of expected type: string")
    return out


def _floats(leaves, dtype, integers):
    """Refuses what the type cannot hold, as TensorFlow Serving does."""
    if integers:
        exact = 1 << (53 if dtype == tf.float64 else 24)
        for value in leaves:
            if type(value) is int and abs(value) >= exact:
                raise _lossy(value, dtype)
    wide = np.array(leaves, np.float64)
    with np.errstate(over="ignore"):
        out = wide.astype(dtype.as_numpy_dtype)
    lost = np.isfinite(wide) & ~np.isfinite(out.astype(np.float64))
    if lost.any():
        raise _lossy(wide[lost][0], dtype)
    return out


def _lossy(value, dtype):
    return invalid(f"Cannot convert JSON value: {value} to {dtype.name} without loss of precision.")


def _brief(value):
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def write_outputs(outputs, row_format):
    """The body of a predict answer. A model's only output is a bare list."""
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")
    key = "predictions" if row_format else "outputs"
    if row_format:
        _check_batch(outputs)
    if len(outputs) == 1:
        ((name, array),) = outputs.items()
        return document(key, spell(array, name))
    if not row_format:
        return document(key, _spell_named(outputs))
    batch = len(next(iter(outputs.values())))
    rows = (_spell_named({n: a[i, ...] for n, a in outputs.items()}) for i in range(batch))
    return document(key, "[" + ", ".join(rows) + "]")


def document(key, text):
    """An object with one member, whose value is JSON already."""
    return f'{{\n    "{key}": {text}\n}}'.encode()


def _spell_named(arrays):
    items = (f"{json.dumps(name)}: {spell(array, name)}" for name, array in arrays.items())
    return "{" + ", ".join(items) + "}"


def _check_batch(outputs):
    batch = None
    for name, array in outputs.items():
        if np.ndim(array) == 0:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if batch not in (None, len(array)):
            raise invalid(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {batch}"
            )
        batch = len(array)


def spell(array, name):
    """An array as nested JSON lists, each number as short as it reads back.

    Strings of an output whose name ends in _bytes, and strings that are not
    UTF-8, are written as {"b64": ...}.
    """
    array = np.asarray(array)
    texts = _texts(array, name.endswith("_bytes"))
    for depth, size in reversed(list(enumerate(array.shape))):
        count = math.prod(array.shape[:depth])
        texts = ["[" + ", ".join(texts[i * size : (i + 1) * size]) + "]" for i in range(count)]
    return texts[0]


def _texts(array, as_bytes):
    kind = array.dtype.kind
    flat = array.ravel()
    if kind == "b":
        return ["true" if v else "false" for v in flat.tolist()]
    if kind in "iu":
        return [str(v) for v in flat.tolist()]
    if kind in "OSU":
        return [_spell_string(v, as_bytes) for v in flat.tolist()]
    if kind == "f" or array.dtype == tf.bfloat16.as_numpy_dtype:
        return _spell_floats(flat)
    raise ServingError(
        "UNIMPLEMENTED", f"Failed to write JSON value for tensor type: {array.dtype}"
    )


def _spell_floats(flat):
    if flat.dtype.itemsize == 2:
        flat = flat.astype(np.float32)
    texts = flat.astype("U32").tolist()
    if np.isfinite(flat).all():
        return texts
    special = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return [special.get(text, text) for text in texts]


def _spell_string(value, as_bytes):
    raw = value if isinstance(value, bytes) else str(value).encode()
    if not as_bytes:
        try:
            return json.dumps(raw.decode(), ensure_ascii=False)
        except UnicodeDecodeError:
            pass
    return json.dumps({"b64": base64.b64encode(raw).decode()})
