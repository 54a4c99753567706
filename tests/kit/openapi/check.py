"""Checks OpenAPI documents of running deployments, whose addresses come by standard
input, those of one check on a line.

A document must be valid, the same in JSON and YAML, and its examples must be
what its schemas say. Then each operation is carried out as the document
describes it, with each example, and the answer held against the document. What was
found is printed, and then a line that says "right" or "wrong".
"""

import json
import sys
import traceback
import urllib.error
import urllib.parse
import urllib.request

import yaml
from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator
from openapi_spec_validator import OpenAPIV30SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

DOCUMENT = "urn:document"
# Where the document says that a model did not describe itself, its examples
# are not promised to work.
GENERAL = "The examples are general"
SHORTENED = "an example, which is shortened"
# What the document says of operations that may fail.
MUTE = "Fails where a server has no metadata"
UNSURE = ("goes to every model", "No version is known", MUTE)
# Not every server has these, and not every model takes them.
OPTIONAL = ("/labels/", ":classify", ":regress", "/config", "/stats")


class Document:
    def __init__(self, url):
        self.url = url
        self.problems = []
        self.seen = {}
        status, _, body = fetch(url)
        if status != 200:
            raise RuntimeError(f"{url}: status {status}")
        self.spec = json.loads(body)
        resource = Resource(contents=self.spec, specification=DRAFT4)
        self.registry = Registry().with_resource(DOCUMENT, resource)

    def problem(self, text):
        self.problems.append(f"{self.url}: {text}")

    def follow(self, value):
        while isinstance(value, dict) and "$ref" in value:
            steps = value["$ref"].removeprefix("#/").split("/")
            value = self.spec
            for step in steps:
                value = value[step.replace("~1", "/").replace("~0", "~")]
        return value

    def conforms(self, what, value, schema, validator):
        # The same example belongs to many operations.
        key = (id(value), id(schema))
        if key in self.seen:
            return
        self.seen[key] = value, schema
        # References inside a schema are to the document.
        schema = json.loads(json.dumps(schema).replace('"#/', f'"{DOCUMENT}#/'))
        for error in validator(schema, registry=self.registry).iter_errors(value):
            self.problem(f"{what}: {error.json_path}: {error.message[:300]}")
            return

    def check(self):
        for error in OpenAPIV30SpecValidator(self.spec).iter_errors():
            self.problem(f"is not valid: {str(error)[:500]}")
        status, _, body = fetch(self.url.removesuffix("json") + "yaml")
        if status != 200 or yaml.load(body, yaml.CSafeLoader) != self.spec:
            self.problem("the YAML differs from the JSON")
        done = 0
        for path, item in self.spec["paths"].items():
            for method, operation in item.items():
                done += self.operation(method.upper(), path, operation)
        return done

    def operation(self, method, path, operation):
        """Carries out an operation with each of its examples."""
        base = urllib.parse.urljoin(self.url, self.spec["servers"][0]["url"]).rstrip("/")
        filled = path
        for p in map(self.follow, operation.get("parameters", [])):
            if p["in"] == "path":
                self.conforms(f"{path} {p['name']}", p["example"], p["schema"], OAS30WriteValidator)
                filled = filled.replace("{" + p["name"] + "}", urllib.parse.quote(p["example"], safe=""))
        requests = [("", None)]
        if "requestBody" in operation:
            content = self.follow(operation["requestBody"])["content"]["application/json"]
            requests = list(self.examples(content).items())
            if not requests:
                self.problem(f"{method} {path} has no example")
            for name, value in requests:
                self.conforms(f"{method} {path}, example {name}", value, content["schema"], OAS30WriteValidator)
        text = operation.get("description", "")
        predicts = self.spec["paths"][path][method.lower()].get("requestBody", {}).get("$ref", "").endswith("/Predict")
        unsure = (
            predicts and any(words in json.dumps(self.spec["paths"]) for words in (GENERAL, SHORTENED))
            or any(words in text for words in UNSURE)
            or any(words in path for words in OPTIONAL)
            or path.endswith("/feedback") and MUTE in json.dumps(self.spec["paths"])
        )
        for name, value in requests:
            status, header, body = fetch(base + filled, method, value)
            self.answered(f"{method} {path} {name}", operation, unsure, status, header, body)
        return len(requests)

    def examples(self, content):
        if "example" in content:
            return {"": content["example"]}
        return {name: self.follow(e)["value"] for name, e in content.get("examples", {}).items()}

    def answered(self, what, operation, unsure, status, header, body):
        if status != 200 and not unsure:
            self.problem(f"{what}: status {status}: {body[:300]}")
            return
        response = self.follow(operation["responses"].get(str(status)) or operation["responses"]["default"])
        for name in response.get("headers", {}):
            if not header.get(name):
                self.problem(f"{what}: the header {name} is missing")
        content = response.get("content", {}).get("application/json")
        if content is None:
            return
        for name, value in self.examples(content).items():
            self.conforms(f"{what}: example answer {name}", value, content["schema"], OAS30ReadValidator)
        # A server's own refusal comes as the server wrote it.
        if status == 200 and body and header.get_content_type() == "application/json":
            self.conforms(f"{what}: answer", json.loads(body), content["schema"], OAS30ReadValidator)


def fetch(url, method="GET", value=None):
    body = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"} if body else {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers, refusal.read()


def main():
    for line in sys.stdin:
        verdict = "right"
        for url in line.split():
            try:
                document = Document(url)
                done = document.check()
            except Exception:
                verdict = "wrong"
                print(f"{url}: {traceback.format_exc()}")
                continue
            for problem in document.problems:
                verdict = "wrong"
                print(problem)
            print(f"{url}: {done} requests")
        print(verdict, flush=True)


if __name__ == "__main__":
    main()
