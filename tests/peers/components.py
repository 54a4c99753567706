"""Components as users of the wrapper write them."""

import json
import os

import numpy as np
from flask import Blueprint, has_request_context, jsonify, request
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.user_model import SeldonComponent, SeldonResponse


def changed(x, number):
    """x with each number run through the function number, or other kinds of
    data with a sign that it was here."""
    if isinstance(x, dict):
        return {"seen": x}
    if isinstance(x, str):
        return f"{x}<seen>"
    if isinstance(x, (bytes, bytearray)):
        return bytes(reversed(x))
    return number(np.array(x))


class Described:
    """What all components here tell about themselves."""

    def tags(self):
        tags = {"last": os.environ["PREDICTIVE_UNIT_ID"], os.environ["PREDICTIVE_UNIT_ID"]: True}
        if has_request_context():
            tags["header"] = request.headers.get("Seldon-Puid", "")
        return tags

    def metrics(self):
        return [
            {"type": "COUNTER", "key": f"calls_{os.environ['PREDICTIVE_UNIT_ID']}", "value": 1},
            {"type": "GAUGE", "key": "level", "value": 1.5, "tags": {"of": os.environ["PREDICTIVE_UNIT_ID"]}},
            {"type": "TIMER", "key": "took", "value": 20.2},
        ]

    def init_metadata(self):
        return {
            "name": f"{os.environ['PREDICTIVE_UNIT_ID']}-model",
            "versions": ["1", "2"],
            "platform": "wrapper",
            "inputs": [{"messagetype": "tensor", "schema": {"names": ["a", "b"], "shape": [2]}}],
            "outputs": [{"messagetype": "tensor", "schema": {"shape": [2]}}],
            "custom": {"author": "tests"},
        }

    def send_feedback(self, features, feature_names, reward, truth, routing=None):
        return {
            "features": np.array(features).tolist(), "names": list(feature_names), "reward": reward,
            "truth": np.array(truth).tolist(), "routing": routing,
        }


class Model(Described):
    """Multiplies, as a plain class without a base."""

    def __init__(self, factor=2):
        self.factor = factor

    def predict(self, X, features_names, meta=None):
        return changed(X, lambda x: x * self.factor)

    def class_names(self):
        return ["first", "second"]


class Reader:
    """Answers what it was given, as text."""

    def predict(self, X, features_names, meta=None):
        return json.dumps([list(features_names), X if isinstance(X, dict) else np.array(X, dtype=object).tolist()])


class Scaler(Described):
    def transform_input(self, X, names, meta=None):
        return changed(X, lambda x: x + 1)

    def transform_output(self, X, names, meta=None):
        return changed(X, lambda x: -x)


class Router(Described):
    """Takes the first number it is given for the route."""

    def route(self, features, feature_names):
        first = np.array(features).ravel()[0]
        return int(first) if float(first).is_integer() else float(first)


class Combiner(Described, SeldonComponent):
    def aggregate(self, features_list, feature_names_list):
        if isinstance(features_list[0], (str, bytes, dict)):
            return {"parts": [str(f) for f in features_list]}
        return sum(np.array(f) for f in features_list)


class Refused(Exception):
    status_code = 409

    def __init__(self, message):
        super().__init__(message)
        self.message = message


class Faulty(SeldonComponent):
    """Fails in the way that its input names, in every role."""

    model_error_handler = Blueprint("error_handlers", __name__)

    @model_error_handler.app_errorhandler(Refused)
    def refuse(error):
        response = jsonify({"status": {"status": 1, "info": error.message, "code": 7, "reason": "MINE <&>"}})
        response.status_code = error.status_code
        return response

    def fail(self, how):
        if isinstance(how, dict):
            how = how["how"]
        if how == "raise":
            raise ValueError("it <broke> & ended")
        if how == "custom":
            raise Refused("refused by the user's handler")
        if how == "status":
            raise SeldonMicroserviceException("not today", status_code=403, reason="MINE")
        if how == "type":
            return {1, 2}
        if how == "runtime":
            return SeldonResponse(data="fine", tags={"runtime": 1}, metrics=[{"type": "GAUGE", "key": "runtime", "value": 3}])
        return how

    def predict(self, X, names, meta=None):
        return self.fail(X)

    transform_input = transform_output = predict

    def route(self, features, feature_names):
        return self.fail(features)

    def aggregate(self, features_list, feature_names_list):
        raise ValueError(f"cannot aggregate {len(features_list)}")

    def send_feedback(self, features, feature_names, reward, truth, routing=None):
        raise ValueError("no feedback, please")

    def health_status(self):
        raise ValueError("unwell")


class Raw:
    """Sees whole messages, and answers with a status of its own."""

    def predict_raw(self, msg):
        if isinstance(msg, dict):
            return {"strData": "raw", "meta": msg.get("meta", {}), "status": {"code": msg["jsonData"]["code"], "info": "as asked"}}
        msg.meta.tags["raw"].bool_value = True
        return msg
