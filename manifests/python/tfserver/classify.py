"""The classify and regress methods: tf.Example in, labels or numbers out."""

import numpy as np
import tensorflow as tf
from tensorflow.core.example import example_pb2, feature_pb2

from modelserver.errors import invalid
from tfserver import rows

CLASSIFY_INPUT = REGRESS_INPUT = "inputs"
CLASSES, SCORES, REGRESS_OUTPUT = "classes", "scores", "outputs"


def read_examples(document):
    """The serialized tf.Examples of a REST body, the context merged in."""
    context = _example(document.get("context", {})) if "context" in document else None
    examples = document.get("examples")
    if not isinstance(examples, list) or not examples:
        raise invalid("key 'examples' is expected and must be a list with at least one element")
    return _merge(context, [_example(e) for e in examples])


def from_input(message):
    """The serialized tf.Examples of a tensorflow.serving.Input."""
    kind = message.WhichOneof("kind")
    if kind == "example_list":
        return _merge(None, message.example_list.examples)
    if kind == "example_list_with_context":
        holder = message.example_list_with_context
        return _merge(holder.context, holder.examples)
    raise invalid("Input is empty")


def _merge(context, examples):
    if not examples:
        raise invalid("Input is empty")
    merged = []
    for example in examples:
        whole = example_pb2.Example()
        if context is not None:
            whole.CopyFrom(context)
        for name, feature in example.features.feature.items():
            whole.features.feature[name].CopyFrom(feature)
        merged.append(whole.SerializeToString())
    return np.array(merged, object)


def _example(value):
    if not isinstance(value, dict):
        raise invalid("Example must be JSON object")
    example = example_pb2.Example()
    for name, content in value.items():
        items = content if isinstance(content, list) else [content]
        example.features.feature[name].CopyFrom(_feature(name, items))
    return example


def _feature(name, items):
    kinds = {_kind(name, item) for item in items}
    if len(kinds) > 1:
        raise invalid(f"Unexpected element type in feature: {name}")
    feature = feature_pb2.Feature()
    kind = kinds.pop() if kinds else None
    if kind == "bytes":
        raw = [rows.decode_base64(v) if rows.is_base64(v) else v.encode() for v in items]
        feature.bytes_list.value.extend(raw)
    elif kind == "float":
        feature.float_list.value.extend(items)
    elif kind == "int":
        try:
            feature.int64_list.value.extend(int(v) for v in items)
        except ValueError as err:
            raise invalid(f"Feature: {name} has an element beyond int64") from err
    return feature


def _kind(name, item):
    if isinstance(item, str) or rows.is_base64(item):
        return "bytes"
    if isinstance(item, (bool, int)):
        return "int"
    if isinstance(item, float):
        return "float"
    raise invalid(f"Feature: {name} has element with unexpected JSON type")


def classify(signature, examples):
    """Per example a list of (label, score); an absent half is "" or 0."""
    outputs = _run(signature, examples, CLASSIFY_INPUT, (CLASSES, SCORES))
    labels, scores = outputs.get(CLASSES), outputs.get(SCORES)
    for array in (labels, scores):
        if array is not None and (array.ndim != 2 or len(array) != len(examples)):
            raise invalid(f"classification output must be [{len(examples)}, n], is {array.shape}")
    shape = (labels if labels is not None else scores).shape
    if labels is None:
        labels = np.full(shape, b"", object)
    if scores is None:
        scores = np.zeros(shape, np.float32)
    return [
        [(label.decode(errors="replace"), score) for label, score in zip(*pair)]
        for pair in zip(labels, scores)
    ]


def regress(signature, examples):
    """One number per example."""
    values = _run(signature, examples, REGRESS_INPUT, (REGRESS_OUTPUT,))[REGRESS_OUTPUT]
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.shape != (len(examples),):
        raise invalid(f"regression output must be [{len(examples)}], is {values.shape}")
    return values


def _run(signature, examples, name, outputs):
    if signature.inputs != {name: tf.string}:
        raise invalid(
            f"signature {signature.name!r} takes {', '.join(sorted(signature.inputs))}: "
            f"tf.Examples need one string input {name!r}"
        )
    known = [o for o in outputs if o in signature.definition.outputs]
    if not known:
        raise invalid(f"signature {signature.name!r} has none of the outputs {', '.join(outputs)}")
    return signature.run({name: examples}, known)
