#!/usr/bin/env python3
"""Serves models of Hugging Face by MLServer, and by TensorFlow alone where PyTorch is not installed.

    huggingface_server.py start /absolute/folder

The arguments are those of mlserver. Its runtime imports PyTorch to count threads and to
free the memory of graphics cards, and optimum for pipelines of onnxruntime; what computes
is transformers, which takes TensorFlow where it does not find PyTorch. USE_TF=1, of
transformers, does so where both are.
"""

import contextlib
import importlib.util
import json
import os
import pathlib
import sys
import types

WEIGHTS = ("*.safetensors", "tf_model*.h5")
OF_PYTORCH = "pytorch_model*.bin"


class Missing(Exception):
    """The model cannot be served here; the text says why, and what to do."""


def check(folder, has_torch):
    """Says what a folder lacks that has a model of transformers, before anything slow
    starts: transformers would look for it elsewhere."""
    config = folder / "config.json"
    if not config.is_file():
        return  # Parameters name a model.
    described = json.loads(config.read_text())
    written = "model.save_pretrained(FOLDER) of transformers writes model.safetensors"
    if not any(list(folder.glob(kind)) for kind in WEIGHTS):
        if not list(folder.glob(OF_PYTORCH)):
            raise Missing(f"{folder} has config.json and no weights: {written}")
        if not has_torch:
            raise Missing(f"{folder} has weights that PyTorch alone reads (pytorch_model.bin), and PyTorch is not here: {written}")
    if not has_torch:
        check_for_tensorflow(described.get("architectures") or [])


def check_for_tensorflow(architectures):
    import transformers
    from transformers.pipelines import SUPPORTED_TASKS

    parameters = json.loads(os.environ.get("PREDICTIVE_UNIT_PARAMETERS") or "[]")
    tasks = [p["value"] for p in parameters if p["name"] == "task"]
    alone = [f"the task {t}" for t in tasks if not SUPPORTED_TASKS.get(t, {}).get("tf", True)]
    alone += [a for a in architectures if not a.startswith("TF") and not hasattr(transformers, "TF" + a)]
    if alone:
        raise Missing(
            f"transformers {transformers.__version__} has {' and '.join(alone)} for PyTorch alone, which is not here: HUGGINGFACE_SERVER "
            "takes it once a node with PYTORCH_SERVER was started on this machine, which installs PyTorch (3.9 GB)"
        )


@contextlib.contextmanager
def standing_in(modules):
    """Modules that are found by their names while others are imported."""
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]


def found(*names):
    return all(importlib.util.find_spec(name) is not None for name in names)


def import_runtime(has_torch):
    """Imports MLServer's runtime. Where PyTorch is not here, it gets that there is no card;
    where optimum lacks what it needs, that there are no tasks for it, so that the
    parameter optimum_model is refused."""
    if not has_torch:
        os.environ["USE_TF"] = "1"
    # They look for PyTorch before something has its name.
    import mlserver  # noqa: F401
    import tensorflow  # noqa: F401
    import transformers.pipelines  # noqa: F401

    instead = {}
    if not has_torch:
        torch = instead["torch"] = types.ModuleType("torch")
        torch.cuda = types.SimpleNamespace(is_available=lambda: False)
        torch.Tensor = type("Tensor", (), {})
    if not has_torch or not found("onnx", "onnxruntime"):
        pipelines = instead["optimum.pipelines"] = types.ModuleType("optimum.pipelines")
        pipelines.pipeline, pipelines.SUPPORTED_TASKS, pipelines.ORT_SUPPORTED_TASKS = None, {}, {}
        instead["optimum"] = types.ModuleType("optimum")
    with standing_in(instead):
        import mlserver_huggingface  # noqa: F401


def run():
    has_torch = found("torch") and os.environ.get("USE_TF") != "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    model = os.environ.get("MLSERVER_MODEL_URI") or (sys.argv[2] if len(sys.argv) > 2 else "")
    if model:
        check(pathlib.Path(model), has_torch)
    import_runtime(has_torch)
    from mlserver.cli import main

    sys.argv[0] = "mlserver"
    main()


if __name__ == "__main__":
    try:
        run()
    except Missing as err:
        sys.exit(str(err))
