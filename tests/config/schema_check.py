#!/usr/bin/env python3
"""schema_check.py accept|refuse SCHEMA FILE...: whether the schema does so with every file."""

import json
import sys

import jsonschema
import yaml


class Texts(yaml.SafeLoader):
    """YAML 1.2 core, as editors read it: no times of day in base 60, no dates."""


Texts.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers
            if not tag.endswith((":timestamp", ":int"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Texts.add_implicit_resolver("tag:yaml.org,2002:int", __import__("re").compile(r"^[-+]?[0-9]+$"),
                            list("-+0123456789"))


def main():
    expectation, schema_file, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    with open(schema_file, encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    wrong = 0
    for name in files:
        with open(name, encoding="utf-8") as f:
            errors = list(validator.iter_errors(yaml.load(f, Loader=Texts)))
        if (expectation == "accept") == bool(errors):
            wrong += 1
            print(f"{name}: not as expected ({expectation})")
            for error in errors:
                print(f"  {'.'.join(map(str, error.absolute_path))}: {error.message}")
    return 1 if wrong else 0


sys.exit(main())
