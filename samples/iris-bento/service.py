"""Flowers by their measures, as a service of BentoML; train.py builds the Bento of it."""

import pathlib
from typing import Annotated

import bentoml
import joblib
import numpy as np
import pandas as pd
from bentoml.validators import DataframeSchema, DType, Shape
from pydantic import Field

MEASURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
KINDS = ["setosa", "versicolor", "virginica"]
FLOWER = dict(zip(MEASURES, [6.0, 2.7, 5.1, 1.6]))


@bentoml.service(workers=1)
class Irises:
    def __init__(self):
        self.model = joblib.load(pathlib.Path(__file__).with_name("model.joblib"))

    @bentoml.api
    def classify(
        self, measures: Annotated[np.ndarray, DType("float64"), Shape((-1, 4))]
    ) -> Annotated[np.ndarray, DType("float64"), Shape((-1, 3))]:
        """The chances of the three kinds, for each flower."""
        return self.model.predict_proba(measures)

    @bentoml.api(route="/flowers/kinds")
    def kinds(
        self,
        flowers: Annotated[pd.DataFrame, DataframeSchema(columns=MEASURES), Field(examples=[[FLOWER]])],
        digits: int = 3,
    ) -> pd.DataFrame:
        """The kind of each flower, and its chance."""
        chances = self.model.predict_proba(flowers[MEASURES].to_numpy())
        best = chances.argmax(axis=1)
        return pd.DataFrame({"kind": [KINDS[i] for i in best], "chance": chances.max(axis=1).round(digits)})

    @bentoml.api
    def read(self, text: Annotated[str, Field(examples=["6.0 2.7 5.1 1.6"])]) -> str:
        """The kind of the flower whose four measures stand in a line of text."""
        row = [float(word) for word in text.split()]
        return KINDS[self.model.predict([row])[0]]

    @bentoml.api
    def grown(self, length: float, width: float = 1.0) -> float:
        """The chance that a flower with such petals is no setosa."""
        return 1 - float(self.model.predict_proba([[5.8, 3.0, length, width]])[0, 0])

    @bentoml.api
    def table(self, file: pathlib.Path) -> np.ndarray:
        """The chances for the flowers of a file of comma-separated measures."""
        return self.model.predict_proba(np.loadtxt(file, delimiter=",", ndmin=2))
