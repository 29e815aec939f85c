#!/usr/bin/env python3
"""Prints anycastd.yaml(5) for scdoc, from the schema on standard input (anycastctl schema)."""

import json
import re
import sys

HEAD = """anycastd.yaml(5)

# NAME

anycastd.yaml - the configuration of an anycast fleet

# DESCRIPTION

One YAML file describes the whole fleet; every node gets the same copy and knows itself by *node* or by the host's name.
Files _conf.d/\\*.yaml_ beside it are drop-ins: maps merge, lists and scalars replace. *anycastctl check-config* reports
all mistakes at once with file, line and column; *anycastctl schema* prints the JSON schema that this page was made from.

Durations are numbers with a unit (_500ms_, _15s_, _1m30s_, _2h_, _7d_), shares are per cent (_1.5%_) or numbers from 0 to 1.
Secrets are in files of their own, never in this one. NAME stands for a name of yours.

# FIELDS
"""

TAIL = """
# FILES

_/etc/anycastd/anycastd.yaml_, _/etc/anycastd/conf.d/\\*.yaml_

A commented example for four nodes is installed with the documentation.

# SEE ALSO

*anycastctl*(1), *anycastd-metrics*(7), *anycastd*(8)
"""


def escaped(text):
    return re.sub(r"([\\*_<>#\[\]])", r"\\\1", text)


def kind(schema):
    """How a value is written, in a few words."""
    if "enum" in schema:
        return " or ".join(schema["enum"])
    if "anyOf" in schema:
        return "share"
    if schema.get("type") == "boolean":
        return "true or false"
    if schema.get("type") == "integer":
        return f"{schema['minimum']} to {schema['maximum']}"
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}" if "properties" not in schema["items"] else "list"
    pattern = schema.get("pattern", "")
    if "us|ms|s" in pattern:
        return "duration"
    return "text"


def fields(schema, path, required):
    """(path, words, description) of everything below, depth first."""
    for name, child in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        if "description" in child:
            yield here, child, name in required
        yield from below(child, here)


def below(schema, path):
    if "properties" in schema:
        yield from fields(schema, path, schema.get("required", []))
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from below(schema["additionalProperties"], f"{path}.NAME")
    elif schema.get("type") == "array" and "properties" in schema["items"]:
        yield from below(schema["items"], f"{path}[]")


def main():
    page = [HEAD]
    section = None
    for path, schema, required in below(json.load(sys.stdin), ""):
        top = re.split(r"[.\[]", path)[0]
        if top != section:
            section = top
            page.append(f"## {escaped(top)}\n")
        words = [] if schema.get("type") == "object" else [kind(schema)]
        if required:
            words.append("required")
        if "default" in schema:
            words.append(f"default {json.dumps(schema['default']).strip(chr(34))}")
        tail = f" ({escaped(', '.join(words))})" if words else ""
        page.append(f"*{escaped(path)}*{tail}\n\t{escaped(schema['description'])}\n")
    print("\n".join(page) + TAIL, end="")


if __name__ == "__main__":
    main()
