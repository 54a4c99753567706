"""The program of a server of the open inference protocol."""

import argparse
import logging

from modelserver import process
from modelserver.versions import ModelConfig, Models

log = logging.getLogger("modelserver")


def parser(description):
    """The flags that all servers have; a framework adds its own."""
    made = argparse.ArgumentParser(description=description, allow_abbrev=False)
    made.add_argument("--http-port", type=int, default=8080, help="port of REST, health and metrics; 0: none")
    made.add_argument("--grpc-port", type=int, default=8081, help="port of gRPC; 0: none")
    made.add_argument("--host", default="127.0.0.1", help="address to listen on")
    made.add_argument("--model-name", default="default")
    made.add_argument("--model-dir", required=True, help="folder of a model, or of folders named by their version")
    made.add_argument("--versions", choices=("highest", "all"), default="highest", help="which of the folder's versions are loaded")
    made.add_argument("--poll-seconds", type=float, default=1, help="how often new versions are looked for")
    made.add_argument("--request-threads", type=int, default=4 * process.cores(), help="requests that are worked on at a time")
    return made


def serve(flags, format):
    """Loads, listens, and returns when a signal has been obeyed."""
    process.log_to_stderr()
    stop = process.stop_signal()
    ports = {"--http-port": flags.http_port, "--grpc-port": flags.grpc_port}
    with process.reserved(flags.host, ports):
        models = Models([ModelConfig(flags.model_name, flags.model_dir, every=flags.versions == "all")], format)
        process.load(models)
    if stop.is_set():
        return
    closers = _listen(flags, models, format.server)
    log.info("serving: %s", ", ".join(f"{f}={p}" for f, p in ports.items() if p))
    models.watch(flags.poll_seconds, stop)
    process.drain(closers)


def _listen(flags, models, name):
    # Imported late, like the framework: a wrong folder should be told of at once.
    from modelserver import metrics, v2, web

    counts, closers = metrics.Metrics(), []
    if flags.grpc_port:
        from modelserver import v2_grpc

        service = v2_grpc.Service(models, counts, name)
        closers.append(
            process.start_grpc(
                flags.host, flags.grpc_port, "--grpc-port", flags.request_threads,
                lambda server: v2_grpc.add(server, service),
            )
        )
    if flags.http_port:
        application = v2.Application(models, counts, name)
        closers.append(process.start_web(web.Server((flags.host, flags.http_port), application, flags.request_threads, name)))
    return closers
