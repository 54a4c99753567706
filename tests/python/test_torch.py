"""What manifests/python/torch_server.py answers, where PyTorch is installed: make e2e-long does."""

import importlib.util
import pathlib
import shutil
import tempfile
import unittest

import grpc
import numpy as np

from onnx_serving import PYTHON, Asks, Process


@unittest.skipUnless(importlib.util.find_spec("torch"), "PyTorch is not installed")
class Sized(Asks):
    """A program whose answer is as long as the request says."""

    @classmethod
    def setUpClass(cls):
        import torch

        class Model(torch.nn.Module):
            def forward(self, size: torch.Tensor):
                return torch.zeros(int(size[0]))

        folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, folder)
        torch.jit.script(Model()).save(str(folder / "model.pt"))
        cls.server = Process(PYTHON / "torch_server.py", "--model-name=m", f"--model-dir={folder}").wait_until_ready()
        cls.addClassCleanup(cls.server.stop)

    def test_too_little_memory_is_no_fault_of_the_request(self):
        self.assertSame(self.typed(self.json({"size": np.array([3], np.float32)})), {"output-0": np.zeros(3, np.float32)})
        # More bytes than there are addresses.
        large = {"size": np.array([2**50], np.float32)}
        status, answer = self.json(large)
        self.assertEqual(status, 500, answer)
        self.assertIn("PyTorch has too little memory for this request: ", answer["error"])
        with self.assertRaises(grpc.RpcError) as caught:
            self.rpc(large, as_raw=True)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INTERNAL, caught.exception.details())
        self.assertEqual(self.json({"size": np.array([-3], np.float32)})[0], 400)


if __name__ == "__main__":
    unittest.main()
