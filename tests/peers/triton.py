"""NVIDIA's Triton, with models in Python."""

import importlib.util
import os
import pathlib
import shutil
import sys
import sysconfig
import tempfile
import unittest

from running import HERE, Program, free_port, listening, node

TYPES = ["BOOL", "UINT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "STRING"]
# Models by name: the types of input and output, whether one request has any
# number of answers, and versions. What they do is in triton_model.py.
MODELS = {
    "double": ("FP32", False, (1, 2)),
    "triple": ("FP32", False, (1,)),
    "words": ("STRING", False, (1,)),
    "sometimes": ("FP32", False, (1,)),
    "countdown": ("INT32", True, (1,)),
    **{f"same-{kind.lower()}": (kind, False, (1,)) for kind in TYPES},
}
CONFIG = """backend: "python"
max_batch_size: 0
input [ {{ name: "x" data_type: TYPE_{kind} dims: [ -1, -1 ] }} ]
output [ {{ name: "x" data_type: TYPE_{kind} dims: [ -1, -1 ] }} ]
model_transaction_policy {{ decoupled: {decoupled} }}
version_policy: {{ all {{ }} }}
"""


def python_library():
    """The folder of Python's shared library, which the backend is linked to.
    An interpreter of the system's may be there without."""
    name = "libpython{}.{}.so.1.0".format(*sys.version_info)
    places = [pathlib.Path(sysconfig.get_config_var("LIBDIR") or "/usr/lib")]
    places.append(places[0] / (sysconfig.get_config_var("MULTIARCH") or ""))
    for folder in places:
        if (folder / name).exists():
            return folder
    raise unittest.SkipTest(f"{name}, which Triton's backend for Python needs, is not installed")


def installed(backends):
    """Triton's program, with its backends put into a folder, and the variables that it
    needs."""
    server = pathlib.Path(importlib.util.find_spec("pytriton").origin).parent / "tritonserver"
    # A backend is for one version of Python: that of its stub.
    shutil.copytree(server / "backends", backends)
    shutil.copy(server / "python_backend_stubs" / "{}.{}".format(*sys.version_info) / "triton_python_backend_stub", backends / "python")
    return server / "bin" / "tritonserver", {
        # The models run in the first Python of the path.
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1",
        "LD_LIBRARY_PATH": f"{server.parents[1] / 'nvidia_pytriton.libs'}:{python_library()}",
    }


def write(models, name, version, kind="FP32", decoupled=False):
    """Puts a version of a model into a repository."""
    (models / name / str(version)).mkdir(parents=True)
    shutil.copy(HERE / "triton_model.py", models / name / str(version) / "model.py")
    (models / name / "config.pbtxt").write_text(CONFIG.format(kind=kind, decoupled=str(decoupled).lower()))


class Triton(Program):
    def __init__(self):
        self.files = tempfile.TemporaryDirectory()
        models, backends = (pathlib.Path(self.files.name) / name for name in ("models", "backends"))
        program, variables = installed(backends)
        for name, (kind, decoupled, versions) in MODELS.items():
            for version in versions:
                write(models, name, version, kind, decoupled)
        self.models = models
        self.rest, self.rpc = free_port(), free_port()
        # Where it may, Triton goes before the tests that run beside it.
        first = ["nice", "-n", "-10"] if os.geteuid() == 0 else []
        super().__init__(
            [*first, program, f"--model-repository={models}", f"--backend-directory={backends}",
             f"--http-port={self.rest}", f"--grpc-port={self.rpc}", "--allow-metrics=false", "--http-thread-count=2",
             # Models that are loaded side by side on a busy machine wait too
             # long for each other's shared memory, which ends Triton.
             "--model-load-thread-count=1",
             # What is loaded later is told by its interface.
             "--model-control-mode=explicit", *(f"--load-model={name}" for name in MODELS),
             "--http-address=127.0.0.1", "--grpc-address=127.0.0.1"],
            variables,
        )
        self.wait(lambda: listening(self.rest) and listening(self.rpc))

    def node(self, name, *children, **fields):
        return node(name, self.rest, self.rpc, *children, type="MODEL", **fields)

    def stop(self, grace=30):
        super().stop(grace)  # Triton frees its shared memory.
        self.files.cleanup()
