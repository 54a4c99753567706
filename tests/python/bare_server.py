"""What onnx_server.py is measured against, on the same HTTP server: nothing but an
answer that is always the same, or the few lines that ask onnxruntime by hand."""

import argparse
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "manifests" / "python"))

from modelserver import process, web

FIXED = web.Response(b'{"model_name":"m","model_version":"1","outputs":[' + b"0.5," * 11 + b"0]}")


def by_hand(folder):
    import numpy as np
    import onnxruntime
    import orjson

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(pathlib.Path(folder) / "model.onnx", options, providers=["CPUExecutionProvider"])

    def answer(request):
        if not request.body:
            return FIXED
        given = orjson.loads(request.body)["inputs"][0]
        labels, scores = session.run(None, {given["name"]: np.array(given["data"], np.float32).reshape(given["shape"])})
        rows = np.array([list(row.values()) for row in scores], np.float32)
        outputs = [
            {"name": "label", "datatype": "INT64", "shape": labels.shape, "data": labels},
            {"name": "scores", "datatype": "FP32", "shape": rows.shape, "data": rows.ravel()},
        ]
        return web.Response(orjson.dumps({"outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY))

    return answer


flags = argparse.ArgumentParser()
flags.add_argument("--http-port", type=int)
flags.add_argument("--grpc-port")
flags.add_argument("--model-dir")
parsed = flags.parse_args()
stop = process.stop_signal()
application = by_hand(parsed.model_dir) if parsed.model_dir else lambda request: FIXED
closer = process.start_web(web.Server(("127.0.0.1", parsed.http_port), application, 8))
stop.wait()
process.drain([closer])
