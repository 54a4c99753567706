#!/usr/bin/env python3
"""Serves ONNX models by the open inference protocol, REST and gRPC.

    onnx_server.py --http-port=8080 --grpc-port=8081 \\
        --model-name=tumours --model-dir=/absolute/folder

The folder holds model.onnx, or any one file of ONNX, or folders named by their
versions with one each; the highest version is served. onnxruntime computes.
"""

import itertools

import numpy as np
import onnxruntime
import orjson
from onnxruntime.capi import onnxruntime_pybind11_state as states

from modelserver import main, onnx_zipmap, process
from modelserver.errors import ServingError, while_running
from modelserver.model import Model, Spec
from modelserver.versions import Format

# What onnxruntime calls types, and the protocol does.
TYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
# What ZipMap makes of a classifier's scores: for each row a map from label to
# score.
MAPS = ("seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))")


class OnnxModel(Model):
    platform = "onnxruntime_onnx"

    def __init__(self, file, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or process.cores()
        # Threads that wait would else burn what a machine has.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(file.parent))
        # Labels of the columns of scores, by the output's name.
        model, self._columns = onnx_zipmap.scores_as_tensors(file)
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        # Its own method asks for each request what the inputs are called, which is checked
        # before, and takes as long as a small model.
        self._run = self._session._sess.run
        self.inputs = tuple(_input(i) for i in self._session.get_inputs())
        outputs = self._session.get_outputs()
        self.outputs = tuple(_output(o, self._columns.get(o.name)) for o in outputs)
        self._maps = {o.name for o in outputs if o.type in MAPS}
        self.labels = {name: _text(labels) for name, labels in self._columns.items()}

    def run(self, arrays, wanted):
        try:
            answers = self._run(wanted, arrays, None)
        except (states.InvalidArgument, states.Fail) as err:
            raise while_running("onnxruntime", str(err)) from err
        if self._maps:
            answers = [self._scores(n, a) if n in self._maps else a for n, a in zip(wanted, answers)]
        return dict(zip(wanted, answers))

    def _scores(self, name, answer):
        """Columns of what ZipMap made."""
        labels = list(answer[0]) if answer else self._columns.get(name, [])
        # The same for each row: they are the labels of the model's classes.
        if labels and name not in self._columns:
            self._columns[name], self.labels[name] = labels, _text(labels)
        scores = itertools.chain.from_iterable(row.values() for row in answer)
        return np.fromiter(scores, np.float32).reshape(len(answer), len(labels))


def _input(of):
    if of.type not in TYPES:
        raise ServingError("UNIMPLEMENTED", f"input {of.name!r} is {of.type}: requests bring tensors of {', '.join(TYPES.values())}")
    return Spec(of.name, TYPES[of.type], _shape(of.shape))


def _output(of, labels):
    if labels:
        return Spec(of.name, TYPES[of.type], (-1, len(labels)))
    if of.type in MAPS:
        return Spec(of.name, "FP32", (-1, -1))
    if of.type not in TYPES:
        raise ServingError(
            "UNIMPLEMENTED",
            f"output {of.name!r} is {of.type}: answers are tensors, or what ZipMap makes of scores; leave the output out of the model",
        )
    return Spec(of.name, TYPES[of.type], _shape(of.shape))


def _text(labels):
    return orjson.dumps(labels).decode()


def _shape(dimensions):
    """A dimension that varies has a name, or none."""
    return tuple(d if isinstance(d, int) and d >= 0 else -1 for d in dimensions)


def _file(folder):
    """The model's file in a folder; None where there is none, or no one."""
    found = sorted(f for f in folder.iterdir() if f.suffix in (".onnx", ".ort") and f.is_file())
    named = [f for f in found if f.stem == "model"]
    return named[0] if named else found[0] if len(found) == 1 else None


def run():
    flags = main.parser(__doc__.splitlines()[0])
    flags.add_argument("--threads", type=int, default=0, help="threads that work on one request; 0: one for each core that it may use")
    parsed = flags.parse_args()

    def load(folder):
        return OnnxModel(_file(folder), parsed.threads)

    main.serve(parsed, Format("model.onnx", lambda folder: _file(folder) is not None, load, "ONNX_SERVER", flat=True))


if __name__ == "__main__":
    run()
