"""What a framework gives to the core: a model that says what it takes, and runs."""

import dataclasses
import functools

from modelserver import tensors
from modelserver.errors import invalid


@dataclasses.dataclass(frozen=True)
class Spec:
    """An input or output. A dimension of -1 varies; shape is None where
    nothing is known of it, and likely is what the metadata tell then."""

    name: str
    datatype: str
    shape: tuple
    likely: tuple = None

    @functools.cached_property
    def dtype(self):
        return tensors.DTYPES[self.datatype]

    def takes(self, shape):
        if self.shape is None:
            return True
        if len(shape) != len(self.shape):
            return False
        for given, wanted in zip(shape, self.shape):
            if given != wanted and wanted != -1:
                return False
        return True


class Model:
    """A loaded model. A framework gives its specs and run(arrays by name, names
    of outputs), which answers arrays by name, with NumPy's types of the specs."""

    # How the metadata call the framework.
    platform = ""
    inputs = ()
    outputs = ()
    # Labels of an output's columns as a list in JSON, by its name, where the model knows them.
    labels = {}

    def run(self, arrays, wanted):
        raise NotImplementedError

    @functools.cached_property
    def output_names(self):
        return [spec.name for spec in self.outputs]


def leaf_names(answer):
    """Names of what an answer holds, in its order: of a dict, the keys, and behind them
    what leads on in what lies within it; else the count."""
    names = list(_paths(answer)) if isinstance(answer, dict) else []
    leaves = sum(1 for _ in _paths(answer))
    # A name that stands twice is none.
    return names if len(set(names)) == leaves else [f"output-{i}" for i in range(leaves)]


def _paths(answer, before=()):
    if isinstance(answer, dict):
        within = answer.items()
    elif isinstance(answer, (list, tuple)):
        within = enumerate(answer)
    else:
        yield "-".join(map(str, before))
        return
    for key, value in within:
        yield from _paths(value, (*before, key))


def predict(model, arrays, wanted):
    """Runs a model on what a request brings, fitted to what the model takes."""
    outputs = model.output_names
    for name in wanted:
        if name not in outputs:
            raise invalid(f"there is no output {name!r}; the model gives {', '.join(outputs)}")
    return model.run(_fitted(model, arrays), list(wanted) or outputs)


def _fitted(model, arrays):
    feed = {}
    for spec in model.inputs:
        array = arrays.get(spec.name)
        if array is not None:
            if array.dtype != spec.dtype or not spec.takes(array.shape):
                array = tensors.cast(_rank(array, spec), spec.dtype, spec.name)
                _check(array.shape, spec)
            feed[spec.name] = array
    if len(feed) < len(arrays) or len(feed) < len(model.inputs):
        _refuse_names(model, arrays)
    return feed


def _rank(array, spec):
    """A column may come as [n] or as [n, 1], whatever the model takes."""
    if spec.shape is None or array.ndim == len(spec.shape):
        return array
    if array.ndim == 1 and len(spec.shape) == 2 and spec.shape[1] == 1:
        return array.reshape(-1, 1)
    if array.ndim == 2 and array.shape[1] == 1 and len(spec.shape) == 1:
        return array.reshape(-1)
    return array


def _check(shape, spec):
    if not spec.takes(shape):
        raise invalid(
            f"input {spec.name!r} has the shape {list(shape)}, and the model takes {list(spec.shape)}"
        )


def _refuse_names(model, arrays):
    known = [spec.name for spec in model.inputs]
    said = []
    for name in arrays:
        if name not in known:
            said.append(f"there is no input {name!r}")
    missing = [n for n in known if n not in arrays]
    if missing:
        said.append("missing: " + ", ".join(missing))
    if said:
        raise invalid(f"{'; '.join(said)}; the model takes {', '.join(known)}")
