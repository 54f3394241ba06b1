"""Judges the values that the stacks hand to AWS by models that nobody here wrote: the AWS SDK's (botocore), CloudFormation's
resource schemas and rules (cfn-lint), and IAM's reference (parliament).

    judge.py EXPORT.json...         each as `go run ./stack export STACK` prints it; ends 1 with a line for each finding
    judge.py --template EXPORT.json  prints its resources as a CloudFormation template, for scanners

Every value must have a place in both models: a property that AWS does not know is a finding. What is known and accepted is
in allow.json, with a reason and a source for each; an entry that is needed no longer is a finding, too.
"""

import json
import pathlib
import re
import sys

import botocore.session
import parliament
import regex
from botocore.validate import ParamValidator
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

import models

REGION = "us-east-1"


def norm(name):
    return re.sub(r"[^a-z0-9]", "", name.lower())


class Shape:
    """One kind of node for both models: an object with members, a list, a map or a scalar."""

    def __init__(self, kind, members=None, item=None, scalar=None):
        self.kind, self.members, self.item, self.scalar = kind, members or {}, item, scalar


def sdk_shape(shape):
    if shape.type_name == "structure":
        return Shape("object", {name: (lambda s=s: sdk_shape(s)) for name, s in shape.members.items()})
    if shape.type_name == "list":
        return Shape("list", item=lambda: sdk_shape(shape.member))
    if shape.type_name == "map":
        return Shape("map", item=lambda: sdk_shape(shape.value))
    return Shape("scalar", scalar=shape.type_name)


def schema_shape(schema, root):
    if "$ref" in schema:
        return schema_shape(root["definitions"][schema["$ref"].rsplit("/", 1)[1]], root)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = "object" if "object" in kind else kind[0]
    if "properties" in schema:
        return Shape("object", {n: (lambda s=s: schema_shape(s, root)) for n, s in schema["properties"].items()})
    if kind == "array":
        return Shape("list", item=lambda: schema_shape(schema.get("items", {}), root))
    if kind == "object":
        values = list(schema.get("patternProperties", {}).values())
        return Shape("map", item=lambda: schema_shape(values[0] if values else {}, root))
    return Shape("scalar", scalar=kind)


def fit(value, shape, path, unknown):
    """Returns value with the model's own names. Names that the model lacks are added to unknown."""
    if isinstance(value, str) and value[:1] in "{[" and shape.kind != "scalar":
        value = json.loads(value)
    if shape.kind == "object" and isinstance(value, dict):
        names, fitted = {norm(n): n for n in shape.members}, {}
        for key, inner in value.items():
            name = names.get(norm(key)) or names.get(norm(key).removesuffix("s")) or names.get(norm(key) + "s")
            if name is None:
                unknown.append(f"{path}.{key}")
                continue
            fitted[name] = fit(inner, shape.members[name](), f"{path}.{key}", unknown)
        return fitted
    if shape.kind == "list":
        return [fit(v, shape.item(), path, unknown) for v in (value if isinstance(value, list) else [value])]
    if shape.kind == "map" and isinstance(value, dict):
        return {key: fit(inner, shape.item(), f"{path}.{key}", unknown) for key, inner in value.items()}
    if shape.kind == "scalar" and isinstance(value, (int, float)) and not isinstance(value, bool):
        if shape.scalar == "string":
            return str(int(value) if float(value).is_integer() else value)
        return int(value) if float(value).is_integer() and shape.scalar in ("integer", "long") else value
    if shape.scalar in ("integer", "long") and isinstance(value, str) and value.isdigit():
        return int(value)
    return value


def matches(pattern, value):
    try:
        return regex.fullmatch(pattern, value) is not None
    except regex.error:  # spelt for another engine
        return True


def bounds(value, shape, path):
    """What botocore's own validator leaves out: enums, patterns and lengths."""
    if shape.type_name == "structure":
        for name, inner in value.items():
            yield from bounds(inner, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for inner in value:
            yield from bounds(inner, shape.member, path)
    elif shape.type_name == "map":
        for key, inner in value.items():
            yield from bounds(key, shape.key, path)
            yield from bounds(inner, shape.value, f"{path}.{key}")
    elif isinstance(value, str):
        enum = shape.metadata.get("enum")
        if enum and value not in enum:
            yield f"{path} is {value!r}, which is none of {', '.join(enum)}"
        pattern = shape.metadata.get("pattern")
        if pattern and not matches(pattern, value):
            yield f"{path} is {value!r}, which does not match {pattern}"
        if not shape.metadata.get("min", 0) <= len(value) <= shape.metadata.get("max", 1 << 30):
            yield f"{path} has {len(value)} characters, of {shape.metadata.get('min', 0)} to {shape.metadata.get('max')}"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if not shape.metadata.get("min", -1 << 62) <= value <= shape.metadata.get("max", 1 << 62):
            yield f"{path} is {value}, of {shape.metadata.get('min')} to {shape.metadata.get('max')}"


def by_sdk(session, resource, model, inputs):
    service, operation = model.call.split(".")
    shape = session.get_service_model(service).operation_model(operation).input_shape
    unknown = []
    call = fit(models.rearranged(inputs, model.common + model.for_call), sdk_shape(shape), operation, unknown)
    yield from (f"{service} has no {name}" for name in unknown)
    report = ParamValidator().validate(call, shape)
    if report.has_errors():
        yield from report.generate_report().splitlines()
    yield from bounds(call, shape, operation)


def template_of(resources):
    """All resources as one template, and the properties that CloudFormation lacks."""
    template, findings = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {}}, []
    for key, model, inputs in resources:
        if not model.schema:
            continue
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, model.schema).schema
        unknown = []
        properties = fit(models.rearranged(inputs, model.common + model.for_schema), schema_shape(schema, schema), model.schema, unknown)
        findings += [f"{key}: CloudFormation has no {name}" for name in unknown]
        template["Resources"][logical(key)] = {"Type": model.schema, "Properties": properties}
    for key, model, inputs in resources:
        if model.part_of:  # a resource of its own here, a property there
            short, path = model.part_of
            whole = template["Resources"][logical(f"{short} {key.split(' ', 1)[1]}")]["Properties"]
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, models.MODELS[short].schema).schema
            moved = models.rearranged({path: models.rearranged(inputs, [("bucket", None)] + model.for_part)}, [])
            whole.update(fit(moved, schema_shape(schema, schema), key, findings))
    return template, findings


def logical(key):
    return re.sub(r"[^A-Za-z0-9]", "", key.title())


def by_schemas(resources):
    """All resources as one template, which cfn-lint judges."""
    template, findings = template_of(resources)
    for match in lint(json.dumps(template, indent=1), config=ManualArgs(regions=[REGION])):
        findings.append(f"{'/'.join(str(p) for p in match.path or [])[:120]}: {match.rule.id} {match.message}")
    return findings


def by_iam(key, text, kind):
    """Actions, resources and conditions that IAM does not know, or that do not go together."""
    statements = json.loads(text)["Statement"]
    for statement in statements:
        if kind != "identity":
            # parliament reads a policy of a resource as one of an identity; whom it is for is not in IAM's reference.
            statement = {k: v for k, v in statement.items() if k != "Principal"}
            if kind == "trust":
                statement["Resource"] = ["*"]
        policy = parliament.analyze_policy_string(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        for finding in policy.findings:
            yield f"{key}: {statement['Sid']}: IAM: {finding.issue} {finding.detail} {finding.location.get('string', '')}"


def by_handlers(key, schema_name, allowed):
    """Cloud Control acts with the deployer's rights, and its handlers say which they take."""
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, schema_name).schema.get("handlers", {})
    for verb in ("create", "read", "update", "delete"):
        for action in handlers.get(verb, {}).get("permissions", []):
            if action.lower() not in allowed:
                yield f"{key}: the deployer's policy lacks {action}, which {schema_name} needs to {verb}"


def judge(export):
    session, resources, findings = botocore.session.get_session(), [], []
    allowed = {a.lower() for s in export["DeployerPolicy"]["Statement"] or [] for a in s["Action"]}
    for resource in export["Resources"]:
        key = f"{resource['Type']} {resource['Name']}"
        model = models.MODELS.get(resource["Type"])
        if model is None:
            findings.append(f"{key}: no judge is told of this type")
            continue
        inputs = models.plausible(resource["Inputs"])
        if model.call:
            findings += [f"{key}: {finding}" for finding in by_sdk(session, resource, model, inputs)]
        resources.append((key, model, inputs))
        for property_, kind in model.policies.items():
            findings += by_iam(key, inputs[property_], kind)
        if resource["Type"] == "cloudcontrol.Resource":
            findings += by_handlers(key, resource["Inputs"]["typeName"], allowed)
    findings += by_schemas(resources)
    if export["DeployerPolicy"]["Statement"]:  # an administrator deploys the account's
        findings += by_iam("deployer", json.dumps(export["DeployerPolicy"]), "identity")
    return findings


def print_template(path):
    export = json.loads(pathlib.Path(path).read_text())
    resources = [(f"{r['Type']} {r['Name']}", models.MODELS[r["Type"]], models.plausible(r["Inputs"]))
                 for r in export["Resources"] if r["Type"] in models.MODELS]
    print(json.dumps(template_of(resources)[0], indent=1))


def main():
    if sys.argv[1] == "--template":
        print_template(sys.argv[2])
        return
    allow = json.loads((pathlib.Path(__file__).parent / "allow.json").read_text())
    used, bad, judged = set(), [], 0
    for path in sys.argv[1:]:
        export = json.loads(pathlib.Path(path).read_text())
        judged += len(export["Resources"])
        for finding in judge(export):
            excuses = [i for i, entry in enumerate(allow) if re.search(entry["finding"], finding)]
            used.update(excuses)
            if not excuses:
                bad.append(f"{export['Stack']}: {finding}")
    bad += [f"allow.json: no finding matches {e['finding']!r} any more" for i, e in enumerate(allow) if i not in used]
    bad += [f"allow.json: {e['finding']!r} has no reason or source" for e in allow if not e.get("reason") or not e.get("source")]
    print("\n".join(bad) if bad else f"{judged} resources judged, {len(allow)} kinds of findings allowed")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
