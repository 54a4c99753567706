#!/usr/bin/env python3
"""Serves programs of PyTorch by the open inference protocol, REST and gRPC.

    torch_server.py --http-port=8080 --grpc-port=8081 \\
        --model-name=digits --model-dir=/absolute/folder

The folder holds one program, or folders named by their versions with one each: what
torch.export.save (.pt2) or torch.jit.save (.pt) writes. The processor computes.
"""

import zipfile

import numpy as np
import torch
from torch.utils import _pytree as pytree

from modelserver import main, process
from modelserver.errors import ServingError, while_running
from modelserver.model import Model, Spec, leaf_names
from modelserver.versions import Format

ENDINGS = (".pt2", ".pt", ".pth")
# What PyTorch calls types, and the protocol does. Any other has no place there.
TYPES = {
    torch.bool: "BOOL",
    torch.uint8: "UINT8",
    torch.uint16: "UINT16",
    torch.uint32: "UINT32",
    torch.uint64: "UINT64",
    torch.int8: "INT8",
    torch.int16: "INT16",
    torch.int32: "INT32",
    torch.int64: "INT64",
    torch.float16: "FP16",
    torch.float32: "FP32",
    torch.float64: "FP64",
}


class Program(Model):
    """A program whose answers have names."""

    def run(self, arrays, wanted):
        # What came as bytes of the request cannot be written to, as a tensor may be.
        given = [torch.from_numpy(np.array(arrays[spec.name])) for spec in self.inputs]
        try:
            with torch.inference_mode():
                answer = self.call(given)
        except (RuntimeError, IndexError, ValueError, AssertionError) as err:
            raise while_running("PyTorch", str(err).strip().splitlines()[-1]) from err
        answers = dict(zip((spec.name for spec in self.outputs), pytree.tree_leaves(answer)))
        return {name: _array(answers[name]) for name in wanted}

    def call(self, given):
        raise NotImplementedError


class Exported(Program):
    """What torch.export.save wrote: it tells all of its tensors."""

    platform = "pytorch_export"

    def __init__(self, file):
        exported = torch.export.load(str(file))
        self._in, self._module = exported.call_spec.in_spec, exported.module()
        values = {node.name: node.meta.get("val") for node in exported.graph.nodes}
        signature = exported.graph_signature
        self.inputs = tuple(_spec(name, values.get(name), "input") for name in signature.user_inputs)
        kinds = [values.get(name) for name in signature.user_outputs]
        names = leaf_names(pytree.tree_unflatten(range(len(kinds)), exported.call_spec.out_spec))
        self.outputs = tuple(_spec(name, kind, "output") for name, kind in zip(names, kinds))

    def call(self, given):
        args, named = pytree.tree_unflatten(given, self._in)
        return self._module(*args, **named)


class Scripted(Program):
    """What torch.jit.save wrote. It tells how many tensors it takes, and not which:
    they are of the type of the model's weights, or of whole numbers where they choose
    among embeddings."""

    platform = "pytorch_torchscript"

    def __init__(self, file):
        self._module = torch.jit.load(str(file), map_location="cpu").eval()
        floats = [p.dtype for p in self._module.parameters() if p.dtype.is_floating_point]
        usual = TYPES.get(floats[0] if floats else torch.float32, "FP32")
        schema = self._module.forward.schema
        embedded = {
            node.inputsAt(1).debugName() for node in self._module.inlined_graph.findAllNodes("aten::embedding")
        }
        values = list(self._module.inlined_graph.inputs())[1:]
        inputs = []
        for argument, value in zip(schema.arguments[1:], values):
            if str(argument.type) != "Tensor":
                if argument.has_default_value():
                    break
                raise ServingError("UNIMPLEMENTED", f"input {argument.name!r} is {argument.type}: requests bring tensors")
            kind = "INT64" if value.debugName() in embedded else usual
            inputs.append(Spec(argument.name, kind, None, _likely(self._module, value)))
        self.inputs = tuple(inputs)
        (returned,) = schema.returns
        kinds = returned.type.elements() if returned.type.kind() == "TupleType" else [returned.type]
        if any(str(kind) != "Tensor" for kind in kinds):
            raise ServingError("UNIMPLEMENTED", f"the model answers {returned.type}: answers are one tensor, or a tuple of them")
        self.outputs = tuple(Spec(f"output-{i}", "", None) for i in range(len(kinds)))

    def call(self, given):
        return self._module(*given)


# What leaves the shape of its first input as it is.
ELEMENTWISE = {"aten::div", "aten::mul", "aten::add", "aten::sub", "aten::to", "aten::relu", "aten::contiguous"}


def _likely(module, value):
    """The shape of a batch for the first layer that a value goes into; None: it is none
    of weights."""
    for use in value.uses():
        node = use.user
        if use.offset != 0:
            continue
        if node.kind() == "aten::linear":
            weight = _attribute(module, node.inputsAt(1))
            return (-1, weight.shape[1]) if weight is not None else None
        if node.kind() in ELEMENTWISE:
            return _likely(module, node.output())
    return None


def _attribute(module, value):
    """What a graph reads from a module; None: it is computed."""
    node = value.node()
    if node.kind() == "prim::Param":
        return module
    if node.kind() != "prim::GetAttr":
        return None
    of = _attribute(module, node.inputsAt(0))
    return None if of is None else getattr(of, node.s("name"))


def _spec(name, value, what):
    if not isinstance(value, torch.Tensor) or value.dtype not in TYPES:
        raise ServingError("UNIMPLEMENTED", f"{what} {name!r} is no tensor of {', '.join(TYPES.values())}")
    return Spec(name, TYPES[value.dtype], tuple(d if type(d) is int else -1 for d in value.shape))


def _array(tensor):
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    # A weight that is an answer would else not become an array.
    return tensor.detach().contiguous().numpy()


def _load(file):
    try:
        with zipfile.ZipFile(file) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
    except zipfile.BadZipFile:
        names = set()
    if "archive_format" in names or "serialized_exported_program.json" in names:
        return Exported(file)
    if "constants.pkl" in names:
        return Scripted(file)
    raise ServingError(
        "INVALID_ARGUMENT",
        f"{file.name} is no program: torch.save wrote weights, or an object of Python whose code is not here. "
        "torch.export.save(torch.export.export(model.eval(), (example,)), 'model.pt2') writes one, "
        "and so does torch.jit.script(model.eval()).save('model.pt')",
    )


def _file(folder):
    """The program's file in a folder; None where there is none, or no one."""
    found = sorted(f for f in folder.iterdir() if f.suffix in ENDINGS and f.is_file())
    named = [f for f in found if f.stem == "model"]
    return named[0] if len(named) == 1 else found[0] if len(found) == 1 else None


def run():
    flags = main.parser(__doc__.splitlines()[0])
    flags.add_argument("--threads", type=int, default=0, help="threads that work on one request; 0: one for each core that it may use")
    parsed = flags.parse_args()
    torch.set_num_threads(parsed.threads or process.cores())
    main.serve(
        parsed,
        Format("model.pt2 or model.pt", lambda folder: _file(folder) is not None, lambda folder: _load(_file(folder)), "PYTORCH_SERVER", flat=True),
    )


if __name__ == "__main__":
    run()
