"""Validates Kubernetes objects, read as YAML from standard input, against the schemas of Kubernetes,
of the Prometheus Operator, and of `*-crd.json` in this folder. Unknown members are errors, too. Prints the objects as a JSON list.

    rendered.py FOLDER_OF_CRDS < objects.yaml
"""

import json
import sys
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

KUBERNETES = "1.37.0"


class Strict(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):
    """Rejects duplicate keys, of which YAML would drop one."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"duplicate keys: {twice}", node.start_mark)
        return super().construct_mapping(node, deep)


def closed(schema):
    """The same schema without unknown members."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if str(schema.get("pattern", "")).startswith("^(?i)"):
        made["pattern"] = "(?i)^" + schema["pattern"][5:]  # Go accepts both forms, Python only this one
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


def custom(folder: Path) -> dict:
    """Schemas by version and kind."""
    found = {}
    for path in folder.glob("*-crd.json"):
        spec = json.loads(path.read_text())["spec"]
        for version in spec["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            schema["properties"]["metadata"] = {"type": "object", "additionalProperties": True}
            name = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            found[name] = closed(schema)
    return found


def main() -> None:
    schemas = custom(Path(sys.argv[1])) | custom(Path(__file__).parent)
    objects = [one for one in yaml.load_all(sys.stdin, Strict) if one]
    for one in objects:
        schema = schemas.get((one["apiVersion"], one["kind"]))
        place = f"{one['kind']} {one['metadata']['name']}"
        try:
            if schema:
                jsonschema.Draft7Validator(schema).validate(one)
            else:
                kubernetes_validate.validate(one, KUBERNETES, strict=True)
        except Exception as error:
            sys.exit(f"{place}: {getattr(error, 'message', error)}")
    json.dump(objects, sys.stdout)


main()
