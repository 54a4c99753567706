"""A component as users write it for Seldon's Python wrapper."""


class Wrapped:
    def predict(self, X, names, meta=None):
        return X * 2

    def tags(self):
        return {"wrapped": True}
