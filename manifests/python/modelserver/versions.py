"""The models of a server: version folders on disk and what is loaded of them."""

import dataclasses
import logging
import pathlib
import threading
import time

from modelserver.errors import ServingError, invalid

# A version whose files do not load is tried again, ever more rarely.
RETRIES = 5

log = logging.getLogger("modelserver")


@dataclasses.dataclass(frozen=True)
class Format:
    """How a kind of models lies on disk, and what loads one of them."""

    # What a folder holds, for messages.
    file: str
    # Tells whether a folder holds a model.
    holds: object
    # Makes a model of the folder, or raises what the model's fault is.
    load: object
    # What serves them, for messages.
    server: str
    # A model may lie in the folder itself; it is version 1.
    flat: bool = False

    def versions(self, base):
        """Version folders by number. One without a file is still being written
        and does not count."""
        found = {number: entry for number, entry in self._numbered(base).items() if self.holds(entry)}
        return {1: base} if not found and self.flat and self.holds(base) else found

    def is_withdrawn(self, base):
        """Tells whether there is no version folder any more, not even one that is
        being written."""
        return not self.flat and base.is_dir() and not self._numbered(base)

    def _numbered(self, base):
        if not base.is_dir():
            return {}
        return {
            int(entry.name): entry
            for entry in base.iterdir()
            if entry.name.isascii() and entry.name.isdigit() and entry.is_dir()
        }


@dataclasses.dataclass
class ModelConfig:
    """What to serve under a name. Without a choice: the highest version."""

    name: str
    base_path: str
    latest: int = 1
    specific: tuple = ()
    every: bool = False
    labels: dict = dataclasses.field(default_factory=dict)

    def choose(self, found):
        """Which of the versions on disk should be loaded."""
        if self.every:
            return set(found)
        if self.specific:
            return set(found) & set(self.specific)
        return set(sorted(found)[-self.latest :])


@dataclasses.dataclass
class State:
    """A line of the model's status, as GetModelStatus tells it."""

    name: str
    error: ServingError = None


class Model:
    """One served model. poll() loads and drops; all else reads."""

    def __init__(self, config, format):
        self.config = config
        self.format = format
        self._lock = threading.Lock()
        self._loaded = {}
        # What most requests ask for, (version, what Format.load made); None: nothing serves.
        self.highest = None
        self._states = {}
        self._failures = {}

    def check(self):
        """Says what is wrong with the folder, before anything slow starts."""
        base = pathlib.Path(self.config.base_path)
        if not base.is_dir():
            raise ServingError("NOT_FOUND", f"model {self.config.name!r}: no folder {base}")
        if self.config.choose(self.format.versions(base)):
            return
        place = "neither a model nor a version folder with a" if self.format.flat else "no version folder with a"
        message = f"model {self.config.name!r}: {base} has {place} {self.format.file}"
        if not self.format.flat and self.format.holds(base):
            message += (
                f": the model lies directly in it; move its files to {base / '1'}"
                f" ({self.format.server} takes numbered versions only)"
            )
        raise ServingError("NOT_FOUND", message)

    def poll(self):
        """Brings memory in line with the disk; new versions come up first."""
        base = pathlib.Path(self.config.base_path)
        found = self.format.versions(base)
        wanted = self.config.choose(found)
        self._forget(found)
        for version in sorted(wanted - set(self._loaded)):
            if self._due(version):
                self._load(version, found[version])
        if not wanted & set(self._loaded) and not self.format.is_withdrawn(base):
            return  # better the old version than none
        for version in sorted(set(self._loaded) - wanted):
            with self._lock:
                self._loaded.pop(version)
                self.highest = self._highest()
                self._states[version] = State("END")
            log.info("model %s: version %d unloaded", self.config.name, version)

    def _highest(self):
        return max(self._loaded.items(), key=lambda item: item[0], default=None)

    def _forget(self, found):
        """Drops what was said of versions that did not load and are gone: what comes
        under their numbers is new."""
        for version in set(self._failures) - set(found):
            self._failures.pop(version)
            with self._lock:
                self._states.pop(version, None)

    def _due(self, version):
        tries, not_before = self._failures.get(version, (0, 0))
        return tries < RETRIES and time.monotonic() >= not_before

    def _load(self, version, folder):
        with self._lock:
            self._states[version] = State("LOADING")
        started = time.monotonic()
        try:
            loaded = self.format.load(folder)
        except Exception as err:  # whatever the framework raises is the model's fault
            tries = self._failures.get(version, (0, 0))[0] + 1
            self._failures[version] = (tries, time.monotonic() + 2**tries)
            failure = err if isinstance(err, ServingError) else ServingError("UNKNOWN", str(err))
            with self._lock:
                self._states[version] = State("END", failure)
            log.error("model %s: loading version %d: %s", self.config.name, version, failure)
            return
        self._failures.pop(version, None)
        with self._lock:
            self._loaded[version] = loaded
            self.highest = self._highest()
            self._states[version] = State("AVAILABLE")
        log.info(
            "model %s: version %d loaded from %s in %.1f s",
            self.config.name, version, folder, time.monotonic() - started,
        )

    def find(self, version=None, label=None):
        """Returns (version, what Format.load made); the highest where nothing is named."""
        name = self.config.name
        with self._lock:
            if label:
                if label not in self.config.labels:
                    raise invalid(f"Unrecognized servable version label: {label}")
                version = self.config.labels[label]
            if version is None and self._loaded:
                version = max(self._loaded)
            if version is None:
                raise ServingError("NOT_FOUND", f"Servable not found for request: Latest({name})")
            if version not in self._loaded:
                raise ServingError(
                    "NOT_FOUND", f"Servable not found for request: Specific({name}, {version})"
                )
            return version, self._loaded[version]

    def states(self, version=None):
        """The status lines, newest version first."""
        with self._lock:
            states = sorted(self._states.items(), reverse=True)
        if version is None:
            return states
        return [(number, state) for number, state in states if number == version]


class Models:
    """All models of the server by name."""

    def __init__(self, configs, format):
        self._models = {config.name: Model(config, format) for config in configs}

    def unavailable_labels(self):
        """What TensorFlow Serving says of labels whose version does not serve."""
        return [
            f"Request to assign label to version {version} of model {name}, "
            f"which is not currently available for inference: {label}"
            for name, model in self._models.items()
            for label, version in sorted(model.config.labels.items())
            if not any(s.name == "AVAILABLE" for _, s in model.states(version))
        ]

    def check(self):
        for model in self._models.values():
            model.check()

    def poll(self):
        for model in self._models.values():
            model.poll()

    def failures(self):
        """Models without a version that serves, each with the reason."""
        return [
            f"model {name!r}: version {version}: {state.error}"
            for name, model in self._models.items()
            for version, state in model.states()
            if state.error is not None
            and not any(s.name == "AVAILABLE" for _, s in model.states())
        ]

    def find(self, name, version=None, label=None):
        if not name:
            raise invalid("ModelSpec has no name specified.")
        if name not in self._models:
            kind = f"Specific({name}, {version})" if version is not None else f"Latest({name})"
            raise ServingError("NOT_FOUND", f"Servable not found for request: {kind}")
        model = self._models[name]
        if version is None and not label and model.highest:
            return model.highest
        return model.find(version, label)

    def index(self):
        """All versions of all models with their states, newest first."""
        return [(name, version, state) for name, model in self._models.items() for version, state in model.states()]

    def states(self, name, version=None):
        states = self._models[name].states(version) if name in self._models else []
        if states:
            return states
        if version is not None:
            raise ServingError("NOT_FOUND", f"Could not find version {version} of model {name}")
        raise ServingError("NOT_FOUND", f"Could not find any versions of model {name}")

    def watch(self, interval, stop):
        """Polls the folders until stop is set."""
        while not stop.wait(interval):
            try:
                self.poll()
            except OSError as err:
                log.error("looking for new versions: %s", err)
