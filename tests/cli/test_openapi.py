"""The OpenAPI document against the code: what wtelctl prints, and what the REST interface really answers."""

import json
import os
import re
import subprocess
from urllib.parse import unquote

import jsonschema
import pytest
from client import WTELCTL

UNIT = os.path.join(os.path.dirname(os.path.abspath(WTELCTL)), "..", "tests", "unit")
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "libwtel", "api")
PROGRAMS = ["test_api", "test_api_input", "test_api_history", "test_api_permissions"]
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document():
    done = subprocess.run([WTELCTL, "openapi"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Every answer that the unit tests of the REST interface got: line, body, status, document."""
    if not os.path.exists(os.path.join(UNIT, PROGRAMS[0])):
        pytest.skip("the unit tests are not built beside wtelctl")
    path = tmp_path_factory.mktemp("answers") / "answers"
    for program in PROGRAMS:
        done = subprocess.run([os.path.join(UNIT, program)], env=dict(os.environ, WTEL_API_ANSWERS=str(path)), capture_output=True,
                              text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def routes():
    """Method, path, parameters of the query, keys of the body, as route.def has them."""
    with open(os.path.join(SOURCE, "route.def"), encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    with open(os.path.join(SOURCE, "request.h"), encoding="utf-8") as file:
        keys = re.search(r"#define API_TRUNK_KEYS((?:.*\\\n)*.*)", file.read()).group(1)
    trunk = "".join(re.findall(r'"([^"]*)"', keys))
    for route in re.findall(r"API_ROUTE_X\((.*?)\)\n", text, flags=re.S):
        route = route.replace("API_TRUNK_KEYS", '"%s"' % trunk)
        route = re.sub(r'"\s*"', lambda match: "" if "\n" in match.group() or " " in match.group() else match.group(), route)
        name, method, path, role, query, body, _ = [part.strip() for part in route.split(",")]
        yield (name, method.strip('"').lower(), "/" + path.strip('"'), role, query.strip('"').split(), body.strip('"').split())


def operation_of(document, line):
    """The operation that a line such as "GET calls/x?limit=1" is of; None: of none."""
    method, path = line.split(" ", 1)
    path = path.split("?")[0]
    if path.startswith("/"):
        if not path.startswith("/api/telephony/"):
            return None
        path = path[len("/api/telephony/"):]
    path = "/" + path.rstrip("/")
    plain = [item for name, item in document["paths"].items() if name == path]
    fitting = plain or [item for name, item in document["paths"].items()
                        if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", name), path)]
    return fitting[0].get(method.lower()) if fitting and method.isupper() else None


def resolve(document, schema):
    while "$ref" in schema:
        at = document
        for part in schema["$ref"].lstrip("#/").split("/"):
            at = at[part]
        schema = at
    return schema


def validator(document, schema):
    whole = dict(schema, components=document["components"])
    return jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker())


def test_the_document_is_well_formed(document):
    assert document["openapi"].startswith("3.1.")
    assert set(document) == {"openapi", "info", "servers", "security", "paths", "components"}
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False, name
    for reference in re.findall(r'"\$ref": "([^"]*)"', json.dumps(document)):
        assert resolve(document, {"$ref": reference})
    seen = set()
    for path, item in document["paths"].items():
        assert set(item) <= METHODS
        for operation in item.values():
            assert operation["summary"] and operation["operationId"] not in seen
            seen.add(operation["operationId"])
            variables = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"]
            assert variables == re.findall(r"\{([^}]*)\}", path)
            for response in operation["responses"].values():
                assert resolve(document, response)["description"]


def test_every_route_is_in_it(document):
    known = list(routes())
    assert len(known) > 25
    assert sum(len(item) for item in document["paths"].values()) == len(known)
    for name, method, path, role, query, body in known:
        operation = document["paths"][path][method]
        assert operation["operationId"] == name
        assert operation["x-role"].upper() == role
        assert [item["name"] for item in operation["parameters"] if item["in"] == "query"] == query, name
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        assert list(schema.get("properties", {})) == [key.lstrip("!") for key in body], name
        assert schema.get("required", []) == [key[1:] for key in body if key.startswith("!")], name
        for status in operation["responses"]:
            assert 200 <= int(status) < 600


def test_real_answers_are_as_it_says(document, answers):
    assert len(answers) > 500
    told = set()
    for entry in answers:
        operation = operation_of(document, entry["line"])
        if operation is None:
            assert entry["status"] in (400, 404, 405, 413), entry["line"]
            response = {"$ref": "#/components/responses/Error"}
        else:
            assert str(entry["status"]) in operation["responses"], (entry["line"], entry["status"])
            response = operation["responses"][str(entry["status"])]
            told.add((operation["operationId"], entry["status"] < 300))
        schema = resolve(document, response)["content"]["application/json"]["schema"]
        errors = [error.message for error in validator(document, schema).iter_errors(entry["answer"])]
        assert not errors, (entry["line"], errors[:3], json.dumps(entry["answer"])[:500])
    missing = {operation["operationId"] for item in document["paths"].values() for operation in item.values()
               if (operation["operationId"], True) not in told}
    assert not missing, "never answered well in any test: %s" % missing


def test_what_is_accepted_is_as_it_says(document, answers):
    """A request that was taken is one that the document allows."""
    looked = 0
    for entry in answers:
        operation = operation_of(document, entry["line"])
        if operation is None or entry["status"] >= 300:
            continue
        if entry["body"] is not None and "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            errors = [error.message for error in validator(document, schema).iter_errors(entry["body"])]
            assert not errors, (entry["line"], entry["body"], errors)
            looked += 1
        names = {parameter["name"] for parameter in operation["parameters"]}
        query = entry["line"].split("?", 1)[1] if "?" in entry["line"] else ""
        assert {unquote(part.split("=")[0]) for part in query.split("&") if part} <= names, entry["line"]
    assert looked > 20
