"""Takes ZipMap out of models of ONNX. It makes a map of each row's scores, in Python a
dict, of which the answer is columns again: for a small model that is most of the work."""

import functools

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# In a larger model the maps are little beside the rest.
MOST_BYTES = 16 << 20

# Of onnx.proto what is needed here; all else is kept as it is. A field is a number and
# a type: int and bytes, or a message.
_MESSAGES = {
    "Model": {"graph": (7, "Graph"), "opset_import": (8, ["Opset"])},
    "Opset": {"domain": (1, bytes), "version": (2, int)},
    "Graph": {"node": (1, ["Node"]), "output": (12, ["Value"])},
    "Value": {"name": (1, bytes), "type": (2, bytes)},
    "Node": {"input": (1, [bytes]), "output": (2, [bytes]), "op_type": (4, bytes), "attribute": (5, ["Attribute"]), "domain": (7, bytes)},
    "Attribute": {"name": (1, bytes), "ints": (8, [int]), "strings": (9, [bytes])},
}


def scores_as_tensors(file):
    """What onnxruntime loads of a file, the path or the bytes of a model, and by the names
    of outputs the labels of their columns, where ZipMap made them."""
    if file.suffix != ".onnx" or file.stat().st_size > MOST_BYTES:
        return str(file), {}
    raw = file.read_bytes()
    if b"ZipMap" not in raw:
        return str(file), {}
    try:
        model = _model().FromString(raw)
    except ValueError:  # onnxruntime says what is wrong
        return str(file), {}
    values = {value.name: value for value in model.graph.output}
    found = {}
    for node in model.graph.node:
        if node.op_type != b"ZipMap" or not node.output or node.output[0] not in values:
            continue
        labels = _labels(node)
        # Maps are in the order of their keys.
        if not labels or sorted(set(labels)) != labels:
            continue
        found[node.output[0].decode()] = labels
        values[node.output[0]].ClearField("type")
        node.op_type, node.domain = b"Identity", b""
        node.ClearField("attribute")
    if not any(opset.domain in (b"", b"ai.onnx") for opset in model.opset_import):
        model.opset_import.add(version=1)
    return (model.SerializeToString(), found) if found else (str(file), {})


def _labels(node):
    for attribute in node.attribute:
        if attribute.name == b"classlabels_int64s":
            return list(attribute.ints)
        if attribute.name == b"classlabels_strings":
            return [text.decode() for text in attribute.strings]
    return []


@functools.cache
def _model():
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="onnx_zipmap", package="onnx_zipmap", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for key, (number, kind) in fields.items():
            many = isinstance(kind, list)
            kind = kind[0] if many else kind
            made = message.field.add(name=key, number=number, label=field.LABEL_REPEATED if many else field.LABEL_OPTIONAL)
            if isinstance(kind, str):
                made.type, made.type_name = field.TYPE_MESSAGE, f".{file.package}.{kind}"
            else:
                made.type = field.TYPE_INT64 if kind is int else field.TYPE_BYTES
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.Model"))
