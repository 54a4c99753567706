"""Counts of what a server answered, for Prometheus."""

import prometheus_client

# From what the walk over a small model takes to what nobody waits for.
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    content_type = prometheus_client.CONTENT_TYPE_LATEST

    def __init__(self):
        self._seconds = prometheus_client.Histogram(
            "model_infer_request_seconds",
            "From when a request was read until its answer was made.",
            ["model", "transport", "code"], buckets=_BUCKETS,
        )
        self._children = {}

    def answered(self, model, transport, code, seconds):
        key = (model if code != "NOT_FOUND" else "", transport, code)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._seconds.labels(*key)
        child.observe(seconds)

    def text(self):
        return prometheus_client.generate_latest()
