"""Compares what checkov finds in the stacks with the committed list of findings.

    scan.py TEMPLATE.json...    each as `judge.py --template` prints it, named STACK.json; ends 1 where list and findings differ

findings.json says for each finding what is done about it: a "choice" of the stack's file, or "refused", with the reason. A finding
that is not in it fails, and so does an entry that nothing matches any more, in any of its stacks; but not one that is there "with" a
choice which a stack's file need not make. docs/security.md shows the list.
"""

import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def findings(template):
    run = subprocess.run(
        [str(pathlib.Path(sys.executable).parent / "checkov"), "--file", str(template), "--framework", "cloudformation",
         "--output", "json", "--compact", "--skip-download"], capture_output=True, text=True, check=False)
    try:
        report = json.loads(run.stdout)
    except json.JSONDecodeError:
        sys.exit(f"{template}: checkov ended {run.returncode}: {run.stderr[-2000:]}")
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        sys.exit(f"{template}: checkov read nothing")
    for found in report["results"]["failed_checks"]:
        yield found["check_id"], found["resource"].rsplit(".", 1)[-1], found["check_name"]


def main():
    listed = json.loads((HERE / "findings.json").read_text())
    bad, used, count = [], set(), 0
    for entry in listed:
        if entry["answer"] not in ("choice", "refused") or not entry["reason"]:
            bad.append(f"findings.json: {entry['check']} on {entry['on']} has no answer with a reason")
    for template in map(pathlib.Path, sys.argv[1:]):
        for check, resource, name in findings(template):
            count += 1
            answers = [i for i, e in enumerate(listed) if e["check"] == check and template.stem in e["stacks"]
                       and re.fullmatch(e["on"], resource)]
            used.update((i, template.stem) for i in answers)
            if not answers:
                bad.append(f"{template.stem}: {check} {resource}: {name}")
    bad += [f"findings.json: {e['check']} on {e['on']} is found in {stack} no longer"
            for i, e in enumerate(listed) for stack in e["stacks"] if "with" not in e and (i, stack) not in used]
    print("\n".join(bad) if bad else f"{count} findings of checkov, each of them answered in findings.json")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
