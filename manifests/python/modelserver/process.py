"""A server from its first port to its last answer."""

import contextlib
import logging
import math
import os
import pathlib
import signal
import socket
import sys
import threading

from modelserver.errors import ServingError

DRAIN_SECONDS = 15

log = logging.getLogger("modelserver")


def log_to_stderr():
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )


def cores(root=pathlib.Path("/")):
    """How many processors this process may use: those of the machine, less where a
    container has a limit, of which os.cpu_count knows nothing."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min([allowed, *_limits(root)])))


def _limits(root):
    """Processors that the control groups of this process leave to it, from the file
    system below root: groups hold limits of their own, and those above them too."""
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in groups:
        number, controllers, path = line.split(":", 2)
        # In a container the path may be that of the machine, and the group at the top its own.
        for parts in (path.strip("/").split("/")[:n] for n in range(path.count("/") + 1)):
            if number == "0" and not controllers:
                yield from _limit(root.joinpath("sys/fs/cgroup", *parts, "cpu.max"))
            elif "cpu" in controllers.split(","):
                group = root.joinpath("sys/fs/cgroup/cpu", *parts)
                yield from _limit(group / "cpu.cfs_quota_us", group / "cpu.cfs_period_us")


def _limit(*files):
    """The share that the files say, if they say one."""
    try:
        quota, period = " ".join(f.read_text() for f in files).split()
        if int(quota) > 0:
            yield int(quota) / int(period)
    except (OSError, ValueError):
        return  # No such group here, or "max": no limit.


def stop_signal():
    """An event that is set when the process is asked to end."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


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


@contextlib.contextmanager
def reserved(host, ports):
    """Holds the ports, by their flags, that are not 0."""
    with contextlib.ExitStack() as stack:
        for flag, port in ports.items():
            try:
                if port:
                    stack.enter_context(reserve(host, port))
            except OSError as err:
                raise SystemExit(f"{flag}={port}: cannot listen on {host}: {err.strerror}")
        yield


def load(models):
    """Loads the versions that are there; ends the process where a model has none."""
    try:
        models.check()
    except ServingError as err:
        raise SystemExit(str(err))
    models.poll()
    failures = models.failures()
    if failures:
        raise SystemExit("\n".join(failures))


def start_grpc(host, port, flag, threads, add):
    """Starts a gRPC server to which add gives its services; returns what stops it."""
    import concurrent.futures

    import grpc

    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(threads),
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
        ],
    )
    add(server)
    try:
        server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError as err:
        raise SystemExit(f"{flag}={port}: {err}")
    server.start()
    return lambda: server.stop(DRAIN_SECONDS).wait(DRAIN_SECONDS)


def start_web(server):
    """Starts a web.Server; returns what stops it."""
    server.server_activate()
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    return lambda: server.drain(DRAIN_SECONDS)


def drain(closers):
    """Stops servers beside each other, when what is under way is finished."""
    log.info("draining")
    drainers = [threading.Thread(target=close) for close in closers]
    for thread in drainers:
        thread.start()
    for thread in drainers:
        thread.join()
