"""Makes models as people have them, each with inputs of another form.

Usage: train.py FOLDER

Everything is tiny: what counts is what the models take.
"""

import sys
from pathlib import Path

import joblib
import mlflow
import numpy
import pandas
import tensorflow
import xgboost
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

PEOPLE = pandas.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "city": ["rome", "oslo", "rome", "bern"], "income": [1.0, 2.0, 3.0, 4.0]})
NUMBERS = PEOPLE[["age", "income"]]
BOUGHT = numpy.array([0, 1, 0, 1])


def network(folder, shape):
    """A SavedModel as model.export of Keras writes it."""

    class Sum(tensorflow.Module):
        @tensorflow.function(input_signature=[tensorflow.TensorSpec([None, *shape], tensorflow.float32, name="inputs")])
        def __call__(self, inputs):
            flat = tensorflow.reshape(inputs, [tensorflow.shape(inputs)[0], -1])
            return {"outputs": tensorflow.reduce_sum(flat, axis=1, keepdims=True)}

    model = Sum()
    tensorflow.saved_model.save(model, str(folder / "1"), signatures={"serving_default": model.__call__})


def sklearn(folder, model):
    folder.mkdir(parents=True)
    joblib.dump(model, folder / "model.joblib")


def main(home):
    network(home / "four", [4])
    network(home / "picture", [28, 28])
    people = ColumnTransformer([("numbers", StandardScaler(), ["age", "income"]), ("texts", OneHotEncoder(), ["city"])])
    sklearn(home / "people", make_pipeline(people, LogisticRegression()).fit(PEOPLE, BOUGHT))
    sklearn(home / "thirteen", make_pipeline(StandardScaler(), LogisticRegression()).fit(numpy.random.rand(4, 13), BOUGHT))
    sklearn(home / "texts", make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good", "bad", "so good", "so bad"], BOUGHT))
    (home / "trees").mkdir()
    xgboost.XGBClassifier(n_estimators=2).fit(NUMBERS, BOUGHT).save_model(home / "trees" / "model.json")
    classifier = LogisticRegression().fit(NUMBERS, BOUGHT)
    mlflow.sklearn.save_model(classifier, str(home / "flow"), signature=infer_signature(NUMBERS, BOUGHT), serialization_format="cloudpickle")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
