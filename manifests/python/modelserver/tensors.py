"""Tensors of the open inference protocol: JSON and bytes to arrays, and back."""

import array as plain
import math
import struct

import numpy as np

from modelserver.errors import invalid

BYTES = "BYTES"
# The protocol's names of NumPy's types. BYTES are arrays of str objects.
DTYPES = {
    "BOOL": np.dtype("bool"),
    "UINT8": np.dtype("uint8"),
    "UINT16": np.dtype("uint16"),
    "UINT32": np.dtype("uint32"),
    "UINT64": np.dtype("uint64"),
    "INT8": np.dtype("int8"),
    "INT16": np.dtype("int16"),
    "INT32": np.dtype("int32"),
    "INT64": np.dtype("int64"),
    "FP16": np.dtype("float16"),
    "FP32": np.dtype("float32"),
    "FP64": np.dtype("float64"),
    BYTES: np.dtype(object),
}
# So many numbers are packed sooner than an array is made and looked through.
_FEW = 256
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
# What types are compared with: from a type of Python's, such as object, NumPy would make a
# type of its own each time.
OBJECT, FP16, FP32 = DTYPES[BYTES], DTYPES["FP16"], DTYPES["FP32"]


def datatype(array):
    """The protocol's name of an array's type."""
    return BYTES if array.dtype.kind in "OSU" else _NAMES[array.dtype]


def dtype_of(name, input_name):
    if not isinstance(name, str) or name not in DTYPES:
        raise invalid(f"input {input_name!r}: there is no datatype {name!r}; there are {', '.join(DTYPES)}")
    return DTYPES[name]


def shape_of(value, name):
    for d in value if isinstance(value, list) else (None,):
        if type(d) is not int or d < 0:
            raise invalid(f"input {name!r}: shape must be a list of whole numbers that are not negative")
    return tuple(value)


def shaped(array, shape, name):
    try:
        return array.reshape(shape)
    except (ValueError, OverflowError) as err:
        if array.size != math.prod(shape):
            raise invalid(f"input {name!r}: {array.size} elements do not make the shape {list(shape)}") from err
        # Too many dimensions, or too long ones beside one of 0.
        raise invalid(f"input {name!r}: {str(err).partition(';')[0]}") from err


def from_json(data, dtype, name):
    """A flat array of what stands under data, flat or nested. null is NaN where
    the type has one."""
    if dtype == OBJECT:
        return _texts_from_json(data, name)
    if dtype.kind == "f":
        try:
            # What most requests bring, a flat list of numbers, in half the time.
            if dtype == FP32:
                if len(data) <= _FEW:
                    return np.frombuffer(struct.pack(f"{len(data)}f", *data), dtype)
                made = np.frombuffer(plain.array("f", data), dtype)
                # What is too large for the type became infinite, or was it: cast tells.
                if not np.count_nonzero(np.isinf(made)):
                    return made
            return cast(np.frombuffer(plain.array("d", data)), dtype, name)
        except (TypeError, OverflowError, struct.error):
            pass
    try:
        array = np.asarray(data)
    except (ValueError, OverflowError) as err:
        raise invalid(f"input {name!r}: its lists are not of one length, or not of numbers") from err
    if array.dtype == object:
        array = _with_missing(array, dtype, name)
    if array.dtype.kind not in "biuf":
        raise invalid(f"input {name!r}: there is text among the data, which are {_NAMES[dtype]}")
    return cast(array.ravel(), dtype, name)


def _with_missing(array, dtype, name):
    """Numbers with null between them, and whole numbers beyond 64 bits."""
    flat = array.ravel().tolist()
    for i, value in enumerate(flat):
        if value is None and dtype.kind != "f":
            raise invalid(f"input {name!r}: element {i} is null, which {_NAMES[dtype]} cannot say")
        if value is not None and not isinstance(value, (bool, int, float)):
            raise invalid(f"input {name!r}: element {i} is not a number, and the data are {_NAMES[dtype]}")
    try:
        return np.array(flat, np.float64 if dtype.kind == "f" else dtype)
    except OverflowError as err:
        raise invalid(f"input {name!r}: a number is beyond {_NAMES[dtype]}") from err


def _texts_from_json(data, name):
    flat, stack = [], [iter(data if isinstance(data, list) else [data])]
    while stack:
        for value in stack[-1]:
            if isinstance(value, list):
                stack.append(iter(value))
                break
            if not isinstance(value, str):
                what = "null" if value is None else "no text"
                raise invalid(f"input {name!r}: element {len(flat)} is {what}, and the data are BYTES")
            flat.append(value)
        else:
            stack.pop()
    array = np.empty(len(flat), object)
    array[:] = flat
    return array


def cast(array, dtype, name):
    """The array in another type, if it says the same there: decimals become the
    nearest of their kind, whole numbers stay what they are."""
    if array.dtype == dtype:
        return array
    if dtype == object or array.dtype == object:
        raise invalid(f"input {name!r}: the model takes {_NAMES[dtype]}, not {datatype(array)}")
    wrong = None
    with np.errstate(over="ignore", invalid="ignore"):
        made = array.astype(dtype)
    if array.dtype.kind == "f" and dtype.kind == "f":
        if dtype.itemsize < array.dtype.itemsize and np.isinf(made).any():
            wrong = np.isinf(made) & ~np.isinf(array)
    elif dtype.kind == "b":
        wrong = (array != 0) & (array != 1)
    else:
        # A sign that got lost is a round trip too.
        wrong = (made.astype(array.dtype) != array) | ((made < 0) != (array < 0))
    if wrong is not None and wrong.any():
        value = array.ravel()[int(np.argmax(wrong.ravel()))]
        raise invalid(f"input {name!r}: {value} cannot be said in {_NAMES[dtype]}")
    return made


def from_raw(raw, dtype, shape, name):
    """An array of the protocol's binary form: little-endian, texts with their
    length in four bytes before them."""
    if dtype == OBJECT:
        return shaped(_texts_from_raw(raw, name), shape, name)
    if len(raw) != dtype.itemsize * math.prod(shape):
        raise invalid(f"input {name!r}: {len(raw)} bytes do not make {_NAMES[dtype]} of the shape {list(shape)}")
    return shaped(np.frombuffer(raw, dtype.newbyteorder("<")), shape, name)


def _texts_from_raw(raw, name):
    flat, at = [], 0
    while at < len(raw):
        if at + 4 > len(raw):
            raise invalid(f"input {name!r}: the bytes end within a length")
        (size,) = struct.unpack_from("<I", raw, at)
        at += 4 + size
        if at > len(raw):
            raise invalid(f"input {name!r}: the bytes end within a text")
        flat.append(text(bytes(raw[at - size : at]), name))
    array = np.empty(len(flat), object)
    array[:] = flat
    return array


def text(value, name):
    try:
        return value.decode()
    except UnicodeDecodeError as err:
        raise invalid(f"input {name!r}: a text is not UTF-8") from err


def to_raw(array):
    if array.dtype.kind not in "OSU":
        return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    parts = []
    for value in array.ravel().tolist():
        raw = value if isinstance(value, bytes) else str(value).encode()
        parts += [struct.pack("<I", len(raw)), raw]
    return b"".join(parts)
