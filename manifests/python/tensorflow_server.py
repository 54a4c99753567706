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
import logging
import os
import pathlib
import sys

from modelserver import process

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
    parser.add_argument(
        "--allow_version_labels_for_unavailable_models", type=_truth, default=False,
        help="start although a version with a label is not there",
    )
    parser.add_argument("--file_system_poll_wait_seconds", type=float, default=1)
    parser.add_argument("--rest_api_num_threads", type=int, default=4 * process.cores())
    parser.add_argument("--grpc_max_threads", type=int, default=4 * process.cores())
    flags, unknown = parser.parse_known_args(arguments)
    if not flags.model_base_path and not flags.model_config_file:
        parser.error("one of --model_base_path and --model_config_file is needed")
    return flags, unknown


def _truth(text):
    """Flags of C++ say true or false in several ways."""
    return text.lower() in ("", "true", "1", "yes", "t", "y")


def configs(flags):
    """What to serve, from the flags or from the file that they name."""
    from modelserver.versions import ModelConfig

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


def serve(flags):
    """Loads, listens, and returns when a signal has been obeyed."""
    stop = process.stop_signal()
    ports = {"--port": flags.port, "--rest_api_port": flags.rest_api_port}
    with process.reserved(flags.host, ports):
        models = load(flags)
    if stop.is_set():
        return

    closers = []
    if flags.port:
        from tfserver import services

        closers.append(
            process.start_grpc(
                flags.host, flags.port, "--port", flags.grpc_max_threads,
                lambda server: services.add(server, models),
            )
        )
    if flags.rest_api_port:
        from modelserver import web
        from tfserver import rest

        address = (flags.host, flags.rest_api_port)
        closers.append(
            process.start_web(
                web.Server(address, rest.application(models), flags.rest_api_num_threads, "tensorflow_server")
            )
        )
    log.info("serving: %s", ", ".join(f"{f}={p}" for f, p in ports.items() if p))

    models.watch(flags.file_system_poll_wait_seconds, stop)
    process.drain(closers)


def load(flags):
    from modelserver.versions import Format, Models

    def saved_model(folder):
        # Imported late: TensorFlow takes seconds, and a wrong folder should be
        # told of at once.
        from tfserver import warmup
        from tfserver.signature import LoadedModel

        model = LoadedModel(folder)
        warmup.run(folder, model)
        return model

    def holds(folder):
        return (folder / "saved_model.pb").is_file()

    models = Models(configs(flags), Format("saved_model.pb", holds, saved_model, "TensorFlow Serving"))
    process.load(models)
    if not flags.allow_version_labels_for_unavailable_models and models.unavailable_labels():
        raise SystemExit("\n".join(models.unavailable_labels()))
    return models


def main():
    process.log_to_stderr()
    flags, unknown = parse(sys.argv[1:])
    if unknown:
        log.warning("flags without effect here: %s", " ".join(unknown))
    serve(flags)


if __name__ == "__main__":
    # Read by TensorFlow's native part while it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main()
