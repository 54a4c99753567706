"""Programs that the tests of this folder run: components of Seldon Core v1's
Python wrapper, the executor in front of them, and radiant local."""

import atexit
import base64
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# PROGRAMS is the folder of radiant and executor.
PROGRAMS = pathlib.Path(os.environ["RADIANT_PROGRAMS"])
START_SECONDS = 120

sys.path.append(str(ROOT / "tests" / "kit" / "ports"))

from ports import free_port

running = set()


@atexit.register
def end_all():
    for program in list(running):
        program.stop()


def listening(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


class Program:
    """A running program with all the processes it makes."""

    def __init__(self, command, env=None, cwd=HERE):
        self.command = [str(word) for word in command]
        self.log = tempfile.TemporaryFile("w+")
        # Programs that are killed leave their temporary files.
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            self.command, env={**os.environ, "TMPDIR": self.folder.name, **(env or {})}, cwd=cwd,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True,
        )
        running.add(self)

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def wait(self, ready):
        """Waits until ready() is true."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            ended = self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                output = self.output()
                self.stop()
                raise AssertionError(f"{'ended' if ended else 'not ready'}: {self.command}\n{output}")
            time.sleep(0.05)
        return self

    def stop(self, grace=0):
        """Ends the program: by SIGTERM if it has a time of grace, and what is
        left then, or made by it, for good."""
        if self not in running:
            return
        running.discard(self)
        if grace:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(grace)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()
        self.folder.cleanup()


class Component(Program):
    """A class of components.py, served as users serve theirs: by the wrapper's
    seldon-core-microservice, told by the variables that an operator sets."""

    def __init__(self, name, served, kind="MODEL", parameters=(), python=sys.executable, env=None, entry=()):
        self.name, self.kind = name, kind
        self.rest, self.rpc, self.metrics = free_port(), free_port(), free_port()
        self.image = f"registry.example/{name}:0.1"
        entry = entry or [pathlib.Path(python).with_name("seldon-core-microservice")]
        super().__init__([*entry, served, "--service-type", kind], {
            "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": str(self.rest),
            "PREDICTIVE_UNIT_GRPC_SERVICE_PORT": str(self.rpc),
            "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": str(self.metrics),
            "PREDICTIVE_UNIT_METRICS_ENDPOINT": "/prometheus",
            "PREDICTIVE_UNIT_ID": name,
            "PREDICTIVE_UNIT_IMAGE": self.image,
            "PREDICTIVE_UNIT_PARAMETERS": json.dumps(list(parameters)),
            "PREDICTOR_ID": "main",
            "SELDON_DEPLOYMENT_ID": "sdep",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONDONTWRITEBYTECODE": "1",
            **(env or {}),
        })

    def up(self):
        return self.wait(lambda: all(map(listening, (self.rest, self.rpc, self.metrics))))

    def node(self, *children, name=None, **fields):
        return node(name or self.name, self.rest, self.rpc, *children, type=self.kind, **fields)


def node(name, rest, rpc, *children, speaks="", **fields):
    """A node of a graph, as an operator writes it. speaks is the protocol of
    its server; empty: that of the clients."""
    endpoint = {"service_host": "127.0.0.1", "service_port": rest, "type": "REST", "httpPort": rest, "grpcPort": rpc, "protocol": speaks}
    return {"name": name, "endpoint": endpoint, "children": list(children), **fields}


class Executor(Program):
    """The executor in front of a graph; rest and rpc are its addresses."""

    def __init__(self, graph, *flags, protocol="seldon", env=None):
        predictor = json.dumps({"name": "main", "graph": graph}).encode()
        super().__init__(
            [PROGRAMS / "executor", "--sdep", "sdep", "--namespace", "ns", "--predictor", "main",
             "--http_port", "0", "--grpc_port", "0", "--protocol", protocol, *flags],
            {"ENGINE_PREDICTOR": base64.b64encode(predictor).decode(), "RADIANT_PODINFO": "/nowhere", **(env or {})},
        )
        self.wait(self.serving)

    def serving(self):
        for line in self.output().splitlines():
            if '"msg":"serving"' in line and line.endswith("}"):
                said = json.loads(line)
                self.rest, self.rpc = (f"127.0.0.1:{said[part].rpartition(':')[2]}" for part in ("rest", "grpc"))
                return True
        return False


class Local(Program):
    """radiant local with one deployment, whose containers run as the commands
    that are given by name; address is the gateway's."""

    def __init__(self, file, commands, env=None):
        port = free_port()
        self.address = f"localhost:{port}"
        execs = [word for name, command in commands.items() for word in ("--exec", f"{name}={command}")]
        super().__init__([PROGRAMS / "radiant", "local", "--port", port, "-f", file, *execs], env)
        self.wait(self.ready)

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://{self.address}/", timeout=5) as answer:
                deployments = json.load(answer)["deployments"]
        except OSError:
            return False
        return bool(deployments) and all(p["ready"] for d in deployments for p in d["predictors"])
