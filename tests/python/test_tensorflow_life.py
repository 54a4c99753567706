"""How manifests/python/tensorflow_server.py starts, changes versions and stops."""

import concurrent.futures
import json
import pathlib
import shutil
import signal
import socket
import tempfile
import time
import unittest

from serving import MNIST, START_SECONDS, Process, save


class Versions(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def serve(self):
        server = Process(
            "--model_name=add", f"--model_base_path={self.folder}",
            "--file_system_poll_wait_seconds=0.1", "--enable_batching=true",
        ).wait_until_ready()
        self.addCleanup(server.stop)
        return server

    def wait_for(self, server, want):
        """Waits until the status is as wanted, {version: state}."""
        deadline = time.monotonic() + START_SECONDS
        got = None
        while time.monotonic() < deadline:
            lines = server.request("GET", "/v1/models/add")[1]["model_version_status"]
            got = {line["version"]: line["state"] for line in lines}
            if got == want:
                return lines
            time.sleep(0.05)
        self.fail(f"status is {got}, want {want}: {server.output()}")

    def test_a_new_version_takes_over_without_a_gap(self):
        save(self.folder / "1", 2.0)
        server = self.serve()
        staged = self.folder.parent / (self.folder.name + "-2")
        save(staged, 3.0)
        answers = []
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            moved = pool.submit(staged.rename, self.folder / "2")
            while not answers or answers[-1] != 3.0:
                status, body, _ = server.predict("add", {"instances": [0]})
                self.assertEqual(status, 200, body)
                answers.append(body["predictions"][0])
            moved.result()
        self.assertEqual(sorted(answers), answers)
        self.wait_for(server, {"2": "AVAILABLE", "1": "END"})
        answer = server.request("POST", "/v1/models/add/versions/1:predict", '{"instances": [0]}')
        self.assertEqual(answer[0], 404)
        # Back again: the highest version on disk is the one to serve.
        shutil.rmtree(self.folder / "2")
        self.wait_for(server, {"2": "END", "1": "AVAILABLE"})
        self.assertEqual(server.predict("add", {"instances": [0]})[1], {"predictions": [2.0]})
        # One that is not complete: better the old version than none.
        (self.folder / "3").mkdir()
        shutil.rmtree(self.folder / "1")
        time.sleep(0.5)
        self.assertEqual(server.predict("add", {"instances": [0]})[1], {"predictions": [2.0]})
        # No version folder any more: the model is unloaded, as by TensorFlow Serving,
        # and loaded when it is there again.
        shutil.rmtree(self.folder / "3")
        self.wait_for(server, {"2": "END", "1": "END"})
        self.assertEqual(server.predict("add", {"instances": [0]})[0], 404)
        save(staged, 4.0)
        staged.rename(self.folder / "1")
        self.wait_for(server, {"2": "END", "1": "AVAILABLE"})
        self.assertEqual(server.predict("add", {"instances": [0]})[1], {"predictions": [4.0]})
        self.assertEqual(server.stop(), 0)

    def test_a_broken_new_version_leaves_the_old_one(self):
        save(self.folder / "1", 2.0)
        server = self.serve()
        (self.folder / "2").mkdir()
        (self.folder / "2" / "saved_model.pb").write_bytes(b"not a model")
        lines = self.wait_for(server, {"1": "AVAILABLE", "2": "END"})
        self.assertNotEqual(lines[0]["status"]["error_code"], "OK")
        self.assertTrue(lines[0]["status"]["error_message"])
        self.assertEqual(server.predict("add", {"instances": [0]})[1], {"predictions": [2.0]})
        # What comes under its number when it is gone is another one, and is not held
        # to have failed, nor tried later for that.
        shutil.rmtree(self.folder / "2")
        self.wait_for(server, {"1": "AVAILABLE"})
        staged = self.folder.parent / (self.folder.name + "-2")
        save(staged, 3.0)
        staged.rename(self.folder / "2")
        self.wait_for(server, {"2": "AVAILABLE", "1": "END"})

    def test_requests_under_way_are_finished(self):
        save(self.folder / "1", 2.0)
        server = self.serve()
        body = json.dumps({"instances": [0]}).encode()
        # 100 Continue says that the request has begun; its body is not complete.
        with socket.create_connection(("127.0.0.1", server.rest)) as sock:
            head = (
                "POST /v1/models/add:predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            sock.sendall(head.encode())
            self.assertIn(b"100 Continue", sock.recv(100))
            sock.sendall(body[:3])
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            self.assertIsNone(server.process.poll())
            sock.sendall(body[3:])
            answer = sock.makefile("rb").read()
        self.assertIn(b" 200 OK", answer)
        self.assertIn(b"Connection: close", answer)
        self.assertIn(b"2.0", answer)
        self.assertEqual(server.process.wait(60), 0)
        self.assertIn("--enable_batching=true", server.output())


class Starts(unittest.TestCase):
    """What is wrong is said at once, and the exit status is not 0."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def refused(self, *flags, **ports):
        server = Process(*flags, **ports)
        code = server.process.wait(START_SECONDS)
        output = server.output()
        server.stop()
        self.assertNotEqual(code, 0)
        self.assertNotIn("Traceback", output)
        return output

    def test_folder_is_missing(self):
        output = self.refused("--model_name=m", f"--model_base_path={self.folder / 'no'}")
        self.assertIn(f"model 'm': no folder {self.folder / 'no'}", output)

    def test_folder_has_no_version(self):
        (self.folder / "one").mkdir()
        (self.folder / "7").mkdir()
        output = self.refused("--model_name=m", f"--model_base_path={self.folder}")
        self.assertIn("has no version folder with a saved_model.pb", output)

    def test_model_without_version_folder(self):
        save(self.folder)
        output = self.refused("--model_name=m", f"--model_base_path={self.folder}")
        self.assertIn(f"move its files to {self.folder / '1'}", output)

    def test_model_does_not_load(self):
        (self.folder / "1").mkdir()
        (self.folder / "1" / "saved_model.pb").write_bytes(b"not a model")
        output = self.refused("--model_name=m", f"--model_base_path={self.folder}")
        self.assertIn("model 'm': version 1:", output)

    def test_port_is_taken(self):
        for flag in ("rest", "rpc"):
            with self.subTest(flag), socket.socket() as held:
                held.bind(("127.0.0.1", 0))
                held.listen()
                port = held.getsockname()[1]
                output = self.refused(
                    "--model_name=m", f"--model_base_path={MNIST / 'model'}", **{flag: port}
                )
                self.assertIn(f"port={port}: cannot listen", output)

    def test_no_model_is_named(self):
        self.assertIn("--model_base_path", self.refused("--model_name=m"))

    def test_config_file_is_wrong(self):
        config = self.folder / "models.config"
        config.write_text("model_config_list { nonsense }")
        self.assertIn(str(config), self.refused(f"--model_config_file={config}"))


if __name__ == "__main__":
    unittest.main()
