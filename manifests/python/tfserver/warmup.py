"""Requests that a version answers before clients may ask it.

TensorFlow Serving's own are PredictionLogs in a TFRecord file of the model; ours
are JSON, the body of a :predict request or a list of such, in a file beside the
saved_model.pb. A version that fails one does not serve."""

import json
import logging
import pathlib

import tensorflow as tf

from modelserver.errors import ServingError, invalid
from tfserver import classify, rows
from tfserver.signature import to_tensor

RECORDS = pathlib.Path("assets.extra") / "tf_serving_warmup_requests"
REQUESTS = "warmup.json"
# As many as TensorFlow Serving takes.
MOST = 1000

log = logging.getLogger("modelserver")


def run(folder, model):
    """Sends the requests in the folder of a version to it."""
    count = 0
    for where, send in _requests(pathlib.Path(folder)):
        count += 1
        if count > MOST:
            raise invalid(f"{where}: more than {MOST} requests to warm up with")
        try:
            send(model)
        except ServingError as err:
            raise ServingError(err.code, f"warming up by {where}: {err}") from err
    if count:
        log.info("warmed up %s by %d requests", folder, count)


def _requests(folder):
    """The requests of both kinds: where each stands, and what sends it."""
    path = folder / RECORDS
    if path.is_file():
        try:
            for i, record in enumerate(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()):
                where = f"{RECORDS}, record {i + 1}"
                yield where, _recorded(where, record)
        except tf.errors.OpError as err:
            raise invalid(f"{RECORDS} is no file of records: {err.message}") from err
    path = folder / REQUESTS
    if path.is_file():
        for i, document in enumerate(_documents(path)):
            yield f"{REQUESTS}, request {i + 1}", lambda model, document=document: _ask(model, document)


def _documents(path):
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as err:
        raise invalid(f"{REQUESTS}: {err}") from err
    return found if isinstance(found, list) else [found]


def _ask(model, document):
    document = rows.parse_object(json.dumps(document).encode())
    signature = _signature(model, rows.signature_name(document))
    inputs, _ = rows.read_inputs(document, signature)
    signature.run(inputs)


def _recorded(where, record):
    from tensorflow_serving.apis import prediction_log_pb2

    entry = prediction_log_pb2.PredictionLog()
    try:
        entry.ParseFromString(record)
    except Exception as err:  # protobuf's own kinds of errors differ by its versions
        raise invalid(f"{where} is no PredictionLog: {err}") from err
    kind = entry.WhichOneof("log_type")
    send = _SENDERS.get(kind)
    if send is None:
        raise invalid(f"{where} is a {kind or 'PredictionLog of nothing'}, which cannot be sent")
    request = getattr(entry, kind).request
    return lambda model: send(model, request)


def _predict(model, request):
    signature = _signature(model, request.model_spec.signature_name)
    inputs = {name: to_tensor(proto, name) for name, proto in request.inputs.items()}
    signature.run(inputs, list(request.output_filter))


def _classify(model, request):
    signature = _signature(model, request.model_spec.signature_name)
    classify.classify(signature, classify.from_input(request.input))


def _regress(model, request):
    signature = _signature(model, request.model_spec.signature_name)
    classify.regress(signature, classify.from_input(request.input))


_SENDERS = {"predict_log": _predict, "classify_log": _classify, "regress_log": _regress}


def _signature(model, name):
    signature = model.signature(name)
    if signature is None:
        raise ServingError("FAILED_PRECONDITION", f'there is no signature "{name or "serving_default"}"')
    return signature
