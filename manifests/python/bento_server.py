#!/usr/bin/env python3
"""Serves a Bento by `bentoml serve`.

    bento_server.py --http-port=8080 --model-dir=/absolute/folder

The folder holds bento.yaml with what BentoML builds around it, or one archive with
the ending .bento, as `bentoml export` writes them. What the Bento needs and is not
here is said before it starts. A service that does not come up ends the program:
BentoML alone would start it again for ever.
"""

import argparse
import lzma
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import zlib
from importlib import metadata

import yaml
from packaging.requirements import InvalidRequirement, Requirement

FILE = "bento.yaml"
# What BentoML and uvicorn say of a process that came up, and of one that did not.
STARTED, FAILED = b" initialized\n", b"Application startup failed."
# So many failures one after the other end a Bento that was up before.
MOST_FAILURES = 3


class Missing(Exception):
    """The Bento cannot be served here; the text says why, or what to do."""


def unpacked(folder, work):
    """The folder with bento.yaml: this one, or that of the archive in it."""
    if (folder / FILE).is_file():
        return folder
    archives = sorted(folder.glob("*.bento"))
    if len(archives) != 1:
        raise Missing(f"{folder} holds neither {FILE} nor one archive with the ending .bento")
    to = pathlib.Path(tempfile.mkdtemp(prefix="bento-", dir=work))
    try:
        with tarfile.open(archives[0]) as archive:
            archive.extractall(to, filter="data")
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as err:
        reason = str(err).partition("\n")[0].rstrip(":")
        raise Missing(f"{archives[0].name} is no whole archive that bentoml export writes: {reason}") from err
    if not (to / FILE).is_file():
        raise Missing(f"{archives[0].name} holds no {FILE}: bentoml export writes such an archive")
    return to


def missing_models(bento, described):
    """The models of BentoML's store that the Bento names and does not hold."""
    named = list(described.get("models") or [])
    for service in described.get("services") or []:
        named += service.get("models") or []
    tags = {m["tag"] for m in named if m.get("registry", "bentoml") == "bentoml"}
    return sorted(tag for tag in tags if not bento.joinpath("models", *tag.split(":")).is_dir())


def packages(bento):
    """What the Bento was built to be installed with."""
    folder = bento / "env" / "python"
    for name in ("requirements.lock.txt", "requirements.txt"):
        if (folder / name).is_file():
            lines = (folder / name).read_text().splitlines()
            return [line.split(" --hash")[0].split(" \\")[0].split("#")[0].strip() for line in lines]
    return []


def differing(bento):
    """Packages that are not here, and others whose version is not the one asked for."""
    absent, other = [], []
    for line in packages(bento):
        try:
            asked = Requirement(line)
        except InvalidRequirement:
            continue  # An empty line, an option of pip, an address.
        if asked.marker is not None and not asked.marker.evaluate():
            continue
        try:
            here = metadata.version(asked.name)
        except metadata.PackageNotFoundError:
            absent.append(str(asked))
            continue
        if not asked.specifier.contains(here, prereleases=True):
            other.append(f"{asked.name} {here} in place of {asked.specifier}")
    return absent, other


def check(bento):
    described = yaml.safe_load((bento / FILE).read_text())
    name = f"{described.get('name')}:{described.get('version')}"
    if models := missing_models(bento, described):
        raise Missing(f"the Bento {name} holds no model {', '.join(models)}: bentoml export {name} packs them with it")
    absent, other = differing(bento)
    if absent:
        raise Missing(
            f"the Bento {name} needs packages that BENTOML_SERVER does not bring: {', '.join(absent)}. "
            "Run it where they are, by an image or a command of its own, as a node with endpoint.protocol bentoml"
        )
    if other:
        print(f"the Bento {name} runs with {', '.join(other)}", file=sys.stderr, flush=True)
    return name


class Starts:
    """What is known of the processes of services from what they print. failed is called
    once, when they do not come up."""

    def __init__(self, failed):
        self.reason = "its services ended while they started"
        self._failed = failed
        self._in_trace = self._traced = False
        self._was_up = False
        self._failures = 0
        self._lock = threading.Lock()

    def line(self, text):
        with self._lock:
            if self._in_trace and text.strip() and not text[:1].isspace():
                # The first line behind the frames names the error.
                self.reason, self._in_trace = text.decode(errors="replace").strip(), False
            if b"Traceback (most recent call last):" in text:
                self._in_trace = self._traced = True
            elif text.endswith(STARTED):
                self._was_up, self._failures = True, 0
            elif FAILED in text and self._traced:
                # It is said twice; the trace comes before.
                self._traced = False
                self._failures += 1
                if self._failures == (MOST_FAILURES if self._was_up else 1):
                    self._failed()


def copied(stream, to, starts):
    """Prints what a process prints, each line at once."""
    for text in stream:
        to.write(text)
        to.flush()
        starts.line(text)


def serve(command, environment, name):
    """Runs BentoML until it ends or is asked to, and returns its exit status."""
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: server.send_signal(number))
    broken = threading.Event()

    def failed():
        broken.set()
        server.terminate()

    starts = Starts(failed)
    copiers = [
        threading.Thread(target=copied, args=(stream, to.buffer, starts))
        for stream, to in ((server.stdout, sys.stdout), (server.stderr, sys.stderr))
    ]
    for copier in copiers:
        copier.start()
    status = server.wait()
    for copier in copiers:
        copier.join()
    if broken.is_set():
        raise Missing(f"the Bento {name} does not start: {starts.reason}")
    return status if status >= 0 else 128 - status


def run():
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0] + " Other flags are those of bentoml serve.", allow_abbrev=False)
    flags.add_argument("--host", default="127.0.0.1", help="address to listen at")
    flags.add_argument("--http-port", type=int, required=True)
    flags.add_argument("--model-dir", type=pathlib.Path, required=True, help="folder with the Bento")
    flags.add_argument("--work-dir", help="folder for what is unpacked; a temporary one by default")
    parsed, others = flags.parse_known_args()
    bento = unpacked(parsed.model_dir.absolute(), parsed.work_dir)
    name = check(bento)
    environment = {
        # Where BentoML keeps what it writes. Its usage is told to nobody.
        "BENTOML_HOME": tempfile.mkdtemp(prefix="bentoml-", dir=parsed.work_dir),
        "BENTOML_DO_NOT_TRACK": "True",
        # The folder of a model is not written into.
        "PYTHONDONTWRITEBYTECODE": "1",
        **os.environ,
    }
    command = ["-m", "bentoml", "serve", str(bento), f"--host={parsed.host}", f"--port={parsed.http_port}", *others]
    return serve([sys.executable, *command], environment, name)


if __name__ == "__main__":
    try:
        sys.exit(run())
    except Missing as err:
        sys.exit(str(err))
