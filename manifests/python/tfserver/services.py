"""TensorFlow Serving's gRPC services."""

import logging

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from modelserver.errors import ServingError, invalid
from tfserver import classify
from tfserver.signature import DEFAULT_SIGNATURE, to_proto, to_tensor

SIGNATURE_DEF = "signature_def"

log = logging.getLogger("tensorflow_server")


def metadata(models, name, version=None, label=None):
    """The signatures of a version, as GetModelMetadata answers."""
    number, model = models.find(name, version, label)
    definitions = get_model_metadata_pb2.SignatureDefMap()
    for alias, signature in model.signatures.items():
        definitions.signature_def[alias].CopyFrom(signature.definition)
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = name
    response.model_spec.version.value = number
    response.metadata[SIGNATURE_DEF].Pack(definitions)
    return response


def status(models, name, version=None):
    """The state of each version, as GetModelStatus answers."""
    response = get_model_status_pb2.GetModelStatusResponse()
    states = get_model_status_pb2.ModelVersionStatus.State
    for number, state in models.states(name, version):
        line = response.model_version_status.add(version=number, state=states.Value(state.name))
        if state.error is not None:
            line.status.error_code = state.error.grpc_code.value[0]
            line.status.error_message = str(state.error)
        else:
            line.status.SetInParent()
    return response


def _resolve(models, spec):
    """Returns the model, its signature and the spec that the answer names."""
    choice = spec.WhichOneof("version_choice")
    number, model = models.find(
        spec.name,
        spec.version.value if choice == "version" else None,
        spec.version_label if choice == "version_label" else None,
    )
    signature = model.signature(spec.signature_name)
    if signature is None:
        name = spec.signature_name or DEFAULT_SIGNATURE
        raise ServingError("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
    return signature, number


def _answer_spec(response, spec, signature, number):
    response.model_spec.name = spec.name
    response.model_spec.signature_name = signature.name
    response.model_spec.version.value = number


def _served(method):
    """Turns what a method raises into a status."""

    def call(self, request, context):
        try:
            return method(self, request)
        except ServingError as err:
            context.abort(err.grpc_code, str(err))
        except Exception as err:  # the client must get an answer, the log the trace
            log.exception("answering %s", method.__name__)
            context.abort(grpc.StatusCode.INTERNAL, f"{type(err).__name__}: {err}")

    return call


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, models):
        self._models = models

    @_served
    def Predict(self, request):
        signature, number = _resolve(self._models, request.model_spec)
        inputs = {name: to_tensor(proto, name) for name, proto in request.inputs.items()}
        for name, value in inputs.items():
            wanted = signature.inputs.get(name)
            if wanted is not None and value.dtype != wanted:
                raise invalid(f"input {name!r} expects {wanted.name}, got {value.dtype.name}")
        response = predict_pb2.PredictResponse()
        for name, array in signature.run(inputs, list(request.output_filter)).items():
            response.outputs[name].CopyFrom(to_proto(array))
        _answer_spec(response, request.model_spec, signature, number)
        return response

    @_served
    def Classify(self, request):
        response = classification_pb2.ClassificationResponse()
        self._classify(request, request.model_spec, response)
        return response

    @_served
    def Regress(self, request):
        response = regression_pb2.RegressionResponse()
        self._regress(request, request.model_spec, response)
        return response

    @_served
    def MultiInference(self, request):
        response = inference_pb2.MultiInferenceResponse()
        for task in request.tasks:
            result = response.results.add()
            if task.method_name == "tensorflow/serving/classify":
                filled = classification_pb2.ClassificationResponse()
                self._classify(request, task.model_spec, filled)
                result.classification_result.CopyFrom(filled.result)
            elif task.method_name == "tensorflow/serving/regress":
                filled = regression_pb2.RegressionResponse()
                self._regress(request, task.model_spec, filled)
                result.regression_result.CopyFrom(filled.result)
            else:
                raise ServingError("UNIMPLEMENTED", f"Unsupported signature method_name: {task.method_name}")
            result.model_spec.CopyFrom(filled.model_spec)
        return response

    def _classify(self, request, spec, response):
        signature, number = _resolve(self._models, spec)
        for classes in classify.classify(signature, classify.from_input(request.input)):
            filled = response.result.classifications.add()
            for label, score in classes:
                filled.classes.add(label=label, score=score)
        _answer_spec(response, spec, signature, number)

    def _regress(self, request, spec, response):
        signature, number = _resolve(self._models, spec)
        for value in classify.regress(signature, classify.from_input(request.input)):
            response.result.regressions.add(value=value)
        _answer_spec(response, spec, signature, number)

    @_served
    def GetModelMetadata(self, request):
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != SIGNATURE_DEF:
                raise invalid(f"Metadata field {field} is not supported")
        spec = request.model_spec
        choice = spec.WhichOneof("version_choice")
        return metadata(
            self._models,
            spec.name,
            spec.version.value if choice == "version" else None,
            spec.version_label if choice == "version_label" else None,
        )


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, models):
        self._models = models

    @_served
    def GetModelStatus(self, request):
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        version = request.model_spec.version.value if request.model_spec.HasField("version") else None
        return status(self._models, request.model_spec.name, version)

    @_served
    def HandleReloadConfigRequest(self, request):
        raise ServingError("UNIMPLEMENTED", "this server takes its configuration at start only")


def add(server, models):
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(models), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(models), server)
