"""models.py FOLDER: models of tables for MLServer, each in a folder of its own,
and what they themselves say of the tables that the tests send, as JSON."""
import json
import os
import sys

import joblib
import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
import xgboost
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.tree import DecisionTreeRegressor

folder = sys.argv[1]
truth = {}


def serve(name, implementation, file):
    settings = {"name": name, "implementation": implementation, "parameters": {"uri": "./" + file, "version": "v1"}}
    with open(os.path.join(folder, name, "model-settings.json"), "w") as out:
        json.dump(settings, out)
    return os.path.join(folder, name, file)


def sklearn(name, model):
    os.makedirs(os.path.join(folder, name))
    joblib.dump(model, serve(name, "mlserver_sklearn.SKLearnModel", "model.joblib"))


def flow(name, model, **signature):
    os.makedirs(os.path.join(folder, name))
    save = mlflow.pyfunc.save_model if isinstance(model, mlflow.pyfunc.PythonModel) else mlflow.sklearn.save_model
    how = {"python_model": model} if save is mlflow.pyfunc.save_model else {"sk_model": model, "serialization_format": "cloudpickle"}
    save(pip_requirements=[], path=serve(name, "mlserver_mlflow.MLflowRuntime", "model"), **how, **signature)


rows = [(age, city, member) for age in (20, 30, 60, 70) for city in ("rome", "oslo") for member in (True, False)] * 5
people = pd.DataFrame(rows, columns=["age", "city", "member"])
labels = (people.age < 45) & (people.city == "rome")
columns = ColumnTransformer([("city", OneHotEncoder(handle_unknown="ignore"), ["city"])], remainder="passthrough")
person = make_pipeline(columns, xgboost.XGBClassifier(n_estimators=20)).fit(people, labels.astype(int))
asked = pd.DataFrame({"age": [20, 20, 60], "city": ["rome", "oslo", "rome"], "member": [True, False, True]})
truth["person"] = person.predict(asked).tolist()
truth["missing text"] = person.predict(pd.DataFrame({"age": [20, 20], "city": [None, "rome"], "member": [True, True]})).tolist()

numbers = np.array([[0.0, 1], [1, 0], [2, 3], [3, 2]])
holes = make_pipeline(SimpleImputer(), LogisticRegression()).fit(numbers, [0, 0, 1, 1])
truth["holes"] = holes.predict(np.array([[0.0, np.nan], [3, 2]])).tolist()
signs = make_pipeline(FunctionTransformer(np.isneginf), DecisionTreeRegressor()).fit([[0.0], [-np.inf]], [0.5, 1.5])
truth["signs"] = signs.predict(np.array([[-np.inf], [np.nan], [1]])).tolist()
line = DecisionTreeRegressor().fit([[1.0], [2.0]], [2.0, 4.0])
truth["line"] = line.predict([[2.0]]).tolist()
texts = make_pipeline(CountVectorizer(), LogisticRegression()).fit(["good fine", "bad poor"] * 5, [1, 0] * 5)
truth["texts"] = texts.predict(["good", "poor"]).tolist()


class Frame(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        # MLServer 1.7.1 does not know the text columns of pandas 3, whose type is str.
        return pd.DataFrame({"no": [0.25] * len(model_input), "who": pd.Series(["a"] * len(model_input), dtype=object)})


class Days(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return pd.to_datetime(model_input["day"]).dt.day.to_numpy()


truth["days"] = [28, 1]
sklearn("person", person)
sklearn("holes", holes)
sklearn("line", line)
sklearn("signs", signs)
sklearn("texts", texts)
flow("signed", person, signature=infer_signature(people, person.predict(people)))
flow("unsigned", person)
flow("array", holes)
flow("frame", Frame())
flow("days", Days())

os.makedirs(os.path.join(folder, "trees"))
trees = xgboost.XGBRegressor(n_estimators=20).fit(numbers, [0, 0, 1, 1])
trees.save_model(serve("trees", "mlserver_xgboost.XGBoostModel", "model.json"))
truth["trees"] = trees.predict(np.array([[0.0, np.nan], [3, 2]])).round(4).tolist()
print(json.dumps(truth))
