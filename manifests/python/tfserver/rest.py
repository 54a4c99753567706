"""TensorFlow Serving's REST API."""

import json
import re

from google.protobuf import json_format

from modelserver.errors import invalid
from modelserver.web import Response, failure
from tfserver import classify, rows, services

_PREDICT = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?/?:(classify|regress|predict)", re.I
)
_STATUS = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?(/metadata)?", re.I
)


def application(models):
    """What web.Server asks for each request."""

    def answer(request):
        if not request.path.lower().startswith("/v1/"):
            return failure(404, f"Not found: {request.path}")
        return Response(handle(models, request.method, request.path, request.body))

    return answer


def handle(models, method, path, body):
    """Answers one request with the bytes of a JSON document."""
    match = _PREDICT.fullmatch(path)
    if method == "POST" and match:
        name, version, label, verb = match.groups()
        found = models.find(name, _number(version), label)
        return _VERBS[verb.lower()](found[1], body)
    match = _STATUS.fullmatch(path)
    if method == "GET" and match:
        name, version, label, metadata = match.groups()
        if metadata:
            return _metadata(services.metadata(models, name, _number(version), label))
        if label:
            version = models.find(name, label=label)[0]
        return _message(services.status(models, name, _number(version)))
    raise invalid(f"Malformed request: {method} {path}")


def _number(text):
    return None if text is None else int(text)


def _message(message):
    return _pretty(_to_dict(message))


def _metadata(message):
    document = _to_dict(message)
    for packed in document["metadata"].values():
        del packed["@type"]
    return _pretty(document)


def _to_dict(message):
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _pretty(document):
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def _signature(model, document):
    name = rows.signature_name(document)
    signature = model.signature(name)
    if signature is None:
        raise invalid(
            f'Serving signature name: "{name or "serving_default"}" not found in signature def'
        )
    return signature


def _predict(model, body):
    document = rows.parse_object(body)
    signature = _signature(model, document)
    inputs, row_format = rows.read_inputs(document, signature)
    return rows.write_outputs(signature.run(inputs), row_format)


def _classify(model, body):
    document = rows.parse_object(body)
    examples = classify.read_examples(document)
    results = classify.classify(_signature(model, document), examples)
    text = [
        [f"[{json.dumps(label)}, {rows.spell(score, '')}]" for label, score in classes]
        for classes in results
    ]
    return rows.document("results", "[" + ", ".join(f"[{', '.join(t)}]" for t in text) + "]")


def _regress(model, body):
    document = rows.parse_object(body)
    examples = classify.read_examples(document)
    values = classify.regress(_signature(model, document), examples)
    return rows.document("results", rows.spell(values, ""))


_VERBS = {"predict": _predict, "classify": _classify, "regress": _regress}
