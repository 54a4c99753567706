"""Triton behind radiant local, which looks for new versions of its model."""

import json
import pathlib
import shlex
import shutil
import tempfile
import threading
import time
import unittest
import urllib.request

import numpy as np
import tritonclient.grpc as triton_rpc

from running import Local
from triton import installed, write

DEPLOYMENT = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {{name: doubles}}
spec:
  protocol: v2
  predictors:
  - name: default
    graph: {{name: double, implementation: TRITON_SERVER, modelUri: "{uri}", modelRefresh: 5s}}
"""
SECONDS = 60


class Refresh(unittest.TestCase):
    def setUp(self):
        files = tempfile.TemporaryDirectory()
        self.addCleanup(files.cleanup)
        folder = pathlib.Path(files.name)
        self.models, programs = folder / "models", folder / "programs"
        program, variables = installed(folder / "backends")
        programs.mkdir()
        # It stands on PATH as an installation's own would.
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        script = programs / "tritonserver"
        script.write_text(f"#!/bin/sh\n{exports}exec {program} --backend-directory={folder / 'backends'} --model-load-thread-count=1 "
                          '--http-thread-count=2 --http-address=127.0.0.1 --grpc-address=127.0.0.1 "$@"\n')
        script.chmod(0o755)
        write(self.models, "double", 1)
        (folder / "doubles.yaml").write_text(DEPLOYMENT.format(uri=self.models))
        self.local = Local(folder / "doubles.yaml", {}, {"PATH": f"{programs}:{variables['PATH']}", "RADIANT_MODEL_CACHE": str(folder / "cache")})
        self.addCleanup(self.local.stop, 30)
        self.taken_back = False
        self.last, self.requests, self.failures, self.stopping = {"rest": 0, "grpc": 0}, 0, [], threading.Event()
        askers = [threading.Thread(target=self.ask, args=(name, call)) for name, call in (("rest", self.over_rest), ("grpc", self.over_rpc()))]
        for asker in askers:
            asker.start()

        def end():
            self.stopping.set()
            for asker in askers:
                asker.join()

        self.addCleanup(end)

    def get(self, path, body=None):
        asked = urllib.request.Request(f"http://{self.local.address}/seldon/default/doubles{path}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            return json.load(answer)

    def over_rest(self):
        answer = self.get("/v2/models/double/infer", json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [1]}]}).encode())
        return answer["outputs"][0]["data"][0], answer["model_version"]

    def over_rpc(self):
        client = triton_rpc.InferenceServerClient(self.local.address)
        self.addCleanup(client.close)
        x = triton_rpc.InferInput("x", (1, 1), "FP32")
        x.set_data_from_numpy(np.ones((1, 1), np.float32))

        def call():
            answer = client.infer("double", [x], headers={"seldon": "doubles", "namespace": "default"})
            return answer.as_numpy("x")[0, 0], answer.get_response().model_version

        return call

    def ask(self, name, call):
        while not self.stopping.wait(0.01):
            self.requests += 1
            try:
                value, version = call()
            except Exception as err:
                self.failures.append(f"{name}: {err}")
                continue
            if value != 2 ** int(version) or int(version) < self.last[name] and not self.taken_back:
                self.failures.append(f"{name}: {value} of version {version} after {self.last[name]}")
            self.last[name] = int(version)

    def answers(self, version):
        deadline = time.monotonic() + SECONDS
        while set(self.last.values()) != {version}:
            self.assertLess(time.monotonic(), deadline, f"{self.last}, want {version}; {self.told()}\n{self.local.output()}")
            time.sleep(0.05)

    def told(self):
        """What the executor says of the versions."""
        return {v["version"]: v for v in self.get("/model-versions")["nodes"][0].get("versions", [])}

    def says(self, version, state, reason="", text=""):
        deadline = time.monotonic() + SECONDS
        while True:
            known = self.told().get(version, {})
            if known.get("state") == state and known.get("reason", "") == reason and text in known.get("message", ""):
                return
            self.assertLess(time.monotonic(), deadline, f"{known}, want {state} {reason} {text}\n{self.local.output()}")
            time.sleep(0.05)

    def test_versions(self):
        self.answers(1)
        self.says("1", "Serving")
        write(self.models, "double", 2)
        self.answers(2)
        (self.models / "double" / "3").mkdir()
        (self.models / "double" / "3" / "model.py").write_text("this is no model(")
        self.says("3", "Refused", "NotLoaded", "the server could not load it: ")
        self.says("2", "Serving")
        self.answers(2)
        write(self.models, "double", 4)
        self.answers(4)
        self.taken_back = True
        shutil.rmtree(self.models / "double" / "4")  # A version is taken back by deleting it.
        self.answers(2)
        self.assertEqual(self.failures, [])
        print(f"{self.requests} requests, 0 failed")


if __name__ == "__main__":
    unittest.main()
