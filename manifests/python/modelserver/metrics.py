"""Counts of what a server answered, for Prometheus."""

import bisect
import itertools
import threading

import prometheus_client
from prometheus_client import core

# From what the walk over a small model takes to what nobody waits for.
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_NAMES = (*(str(float(bound)) for bound in _BUCKETS), "+Inf")


class Metrics:
    """A histogram that counts in a line: the library's own takes as long as the rest
    of a small request."""

    content_type = prometheus_client.CONTENT_TYPE_LATEST

    def __init__(self):
        self._lock = threading.Lock()
        # By the labels: what fell into each bucket, and the seconds of all.
        self._counts = {}
        core.REGISTRY.register(self)

    def answered(self, model, transport, code, seconds):
        key = (model if code != "NOT_FOUND" else "", transport, code)
        with self._lock:
            counts = self._counts.get(key)
            if counts is None:
                counts = self._counts[key] = [0] * len(_NAMES) + [0.0]
            counts[bisect.bisect_left(_BUCKETS, seconds)] += 1
            counts[-1] += seconds

    def collect(self):
        family = core.HistogramMetricFamily(
            "model_infer_request_seconds", "From when a request was read until its answer was made.",
            labels=["model", "transport", "code"],
        )
        with self._lock:
            counted = [(key, list(counts)) for key, counts in self._counts.items()]
        for key, counts in counted:
            family.add_metric(key, list(zip(_NAMES, itertools.accumulate(counts[:-1]))), counts[-1])
        return [family]

    def text(self):
        return prometheus_client.generate_latest()
