#!/usr/bin/env python3
"""Serves SavedModels with the APIs and flags of TensorFlow Serving.

    tensorflow_server.py --port=8500 --rest_api_port=8501 \\
        --model_name=mnist --model_base_path=/absolute/folder

The folder holds numbered version folders; the highest is served, and a new
one takes over once it is loaded. The real TensorFlow computes. This is for
machines where tensorflow_model_server cannot be installed: it is not tuned
for throughput, and listens on the loopback address unless told otherwise.
"""

import argparse
import concurrent.futures
import contextlib
import logging
import os
import pathlib
import signal
import socket
import sys
import threading

DRAIN_SECONDS = 15

log = logging.getLogger("tensorflow_server")


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], allow_abbrev=False, add_help=True
    )
    parser.add_argument("--port", type=int, default=8500, help="gRPC port; 0: no gRPC")
    parser.add_argument("--rest_api_port", type=int, default=0, help="REST port; 0: no REST")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--model_name", default="default")
    parser.add_argument("--model_base_path", default="")
    parser.add_argument("--model_config_file", default="", help="ModelServerConfig as text")
    parser.add_argument("--file_system_poll_wait_seconds", type=float, default=1)
    parser.add_argument("--rest_api_num_threads", type=int, default=4 * (os.cpu_count() or 1))
    parser.add_argument("--grpc_max_threads", type=int, default=4 * (os.cpu_count() or 1))
    flags, unknown = parser.parse_known_args(arguments)
    if bool(flags.model_base_path) == bool(flags.model_config_file):
        parser.error("one of --model_base_path and --model_config_file is needed")
    return flags, unknown


def configs(flags):
    """What to serve, from the flags or from the file that they name."""
    from tfserver.models import ModelConfig

    if not flags.model_config_file:
        return [ModelConfig(flags.model_name, flags.model_base_path)]

    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    document = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(pathlib.Path(flags.model_config_file).read_text(), document)
    except (OSError, ValueError, text_format.ParseError) as err:
        raise SystemExit(f"--model_config_file={flags.model_config_file}: {err}")
    found = []
    for entry in document.model_config_list.config:
        policy = entry.model_version_policy
        found.append(
            ModelConfig(
                name=entry.name,
                base_path=entry.base_path,
                latest=policy.latest.num_versions or 1,
                specific=tuple(policy.specific.versions),
                every=policy.HasField("all"),
                labels=dict(entry.version_labels),
            )
        )
    return found


def reserve(host, port):
    """Takes a port without listening on it, so that a clash shows before the
    slow start and nobody connects before the end of it."""
    held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    # Else connections of a former server that linger would count as a clash.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((host, port))
    except OSError:
        held.close()
        raise
    return held


def grpc_server(flags, models):
    import grpc

    from tfserver import services

    pool = concurrent.futures.ThreadPoolExecutor(flags.grpc_max_threads)
    options = [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
    ]
    server = grpc.server(pool, options=options)
    services.add(server, models)
    return server


def serve(flags):
    """Loads, listens, and returns when a signal has been obeyed."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    ports = {"--port": flags.port, "--rest_api_port": flags.rest_api_port}
    held = []
    with contextlib.ExitStack() as stack:
        for flag, port in ports.items():
            try:
                if port:
                    held.append(stack.enter_context(reserve(flags.host, port)))
            except OSError as err:
                raise SystemExit(f"{flag}={port}: cannot listen on {flags.host}: {err.strerror}")
        models = load(flags)
    if stop.is_set():
        return

    closers = []
    if flags.port:
        server = grpc_server(flags, models)
        try:
            server.add_insecure_port(_address(flags.host, flags.port))
        except RuntimeError as err:
            raise SystemExit(f"--port={flags.port}: {err}")
        server.start()
        closers.append(lambda: server.stop(DRAIN_SECONDS).wait(DRAIN_SECONDS))
    if flags.rest_api_port:
        from tfserver import rest

        web = rest.Server((flags.host, flags.rest_api_port), models, flags.rest_api_num_threads)
        web.server_activate()
        threading.Thread(target=web.serve_forever, args=(0.1,), daemon=True).start()
        closers.append(lambda: web.drain(DRAIN_SECONDS))
    log.info("serving: %s", ", ".join(f"{f}={p}" for f, p in ports.items() if p))

    models.watch(flags.file_system_poll_wait_seconds, stop)
    log.info("draining")
    drainers = [threading.Thread(target=close) for close in closers]
    for thread in drainers:
        thread.start()
    for thread in drainers:
        thread.join()


def load(flags):
    from tfserver.errors import ServingError
    from tfserver.models import Models

    models = Models(configs(flags))
    try:
        models.check()
    except ServingError as err:
        raise SystemExit(str(err))
    models.poll()
    failures = models.failures()
    if failures:
        raise SystemExit("\n".join(failures))
    return models


def _address(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def main():
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    flags, unknown = parse(sys.argv[1:])
    if unknown:
        log.warning("flags without effect here: %s", " ".join(unknown))
    serve(flags)


if __name__ == "__main__":
    # Read by TensorFlow's native part while it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main()
