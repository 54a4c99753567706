"""What the models of triton.py do, by their names."""

import json

import numpy as np
import triton_python_backend_utils as pb

factors = {"double": 2, "triple": 3}


def answer(x):
    return pb.InferenceResponse(output_tensors=[pb.Tensor("x", x)])


class TritonPythonModel:
    def initialize(self, args):
        self.name, self.version = args["model_name"], int(args["model_version"])
        self.decoupled = json.loads(args["model_config"])["model_transaction_policy"]["decoupled"]

    def execute(self, requests):
        inputs = [pb.get_input_tensor_by_name(r, "x").as_numpy() for r in requests]
        if not self.decoupled:
            return [self.run(x) for x in inputs]
        for request, x in zip(requests, inputs):
            self.count_down(request.get_response_sender(), x)

    def run(self, x):
        if self.name == "words":
            return answer(np.array([[w.upper() for w in row] for row in x], dtype=object))
        if self.name == "sometimes" and x.min() < 0:
            return pb.InferenceResponse(error=pb.TritonError("negative <number> & no answer"))
        return answer((x * factors[self.name] ** self.version).astype(x.dtype) if self.name in factors else x)

    def count_down(self, sender, x):
        for i in range(int(x.max()), 0, -1):
            sender.send(answer(x * 0 + i))
        sender.send(flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
