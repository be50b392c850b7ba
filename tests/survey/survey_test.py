#!/usr/bin/env python3
"""The survey, whole: every row answers as measured before, every cure that is run works, the JSON keeps its schema.

usage: survey_test.py TOOL SOURCE_FOLDER
"""
import json
import re
import subprocess
import sys
import unittest

import jsonschema

TOOL, SOURCE = sys.argv[1:3]

# What else a row's finding may be laid to, where the library that it is about does it in more ways than one.
OTHER_HOPS = {
    # gRPC's thread takes the call out of a queue, or has just read the server's first message.
    "connections/grpc_credentials_plugin": {"message"},
}


def row_data(family, name):
    with open(f"{SOURCE}/catalogue/{family}/{name}.cc") as file:
        text = file.read()
    values = {}
    for key in ("works", "hop", "clock", "title", "wrong", "cure", "source"):
        found = re.search(rf"^{key}:[ \t]*(.*(?:\n[ \t].*)*)$", text, re.M)
        values[key] = " ".join(found[1].split()) if found else ""
    return values


def in_words(finding):
    """As the survey's text says it, without what is acted on."""
    kind, role, got = finding["kind"], finding["thread"]["role"], finding["got"]
    if "effect" in finding:
        own = "that called" in role
        words = f"{finding['effect']['syscall']} as {got['user']}" + ("" if own else f", by {role}")
    elif kind == "lingering":
        words = f"{role} stays {got['user']}"
    elif kind in ("lost", "leaked", "blunted"):
        words = f"{finding['expected']['user']} gets {got['user']}'s answer"
    else:
        words = got["outcome"]
    return f"{finding['code']} {kind}: {words}"


def history_table(operations):
    """The lines of docs/history.md, of what the survey says of each bug and of its good twin."""
    by_name = {}
    for operation in operations:
        if operation["family"] == "history":
            by_name.setdefault(operation["name"], {})[operation["posture"]] = operation
    lines = []
    for name in sorted(by_name):
        if not name.endswith("_bad"):
            continue
        row, bug = row_data("history", name), name[: -len("_bad")]
        fails = next((p for p in ("full", "effective", "files", "shielded") if by_name[name][p]["findings"]), None)
        says = in_words(by_name[name][fails]["findings"][0]) if fails else "works"
        if fails != "full":
            says += f" (`{fails}`)"
        works = [p for p in ("files", "effective", "full", "shielded") if by_name[bug + "_fixed"][p]["verdict"] == "works"]
        mended = "works" if len(works) == 4 else "works: " + ", ".join(works)
        lines.append(f"| `{bug}` | {row['source']} | {row['wrong']} | {says} | {mended} |")
    return lines


class Survey(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        run = subprocess.run([TOOL, "survey", "--format", "json"], capture_output=True, text=True, timeout=900)
        cls.exit = run.returncode
        cls.report = json.loads(run.stdout)
        # What talks to a daemon is surveyed where that is installed; `unclear` is all that may be said elsewhere.
        lacking = {(o["family"], o["name"]) for o in cls.report["operations"]
                   if o["verdict"] == "unclear" and "is not installed" in " ".join(o["reasons"])}
        if lacking:
            print("not surveyed, for want of a daemon:", *("/".join(row) for row in sorted(lacking)), file=sys.stderr)
        cls.report["operations"] = [o for o in cls.report["operations"] if (o["family"], o["name"]) not in lacking]
        cls.said = run.stderr

    def test_ends_well_and_says_nothing_beside_the_report(self):
        self.assertEqual((self.exit, self.said), (0, ""))

    def test_the_self_check_passed(self):
        self.assertEqual(self.report["self_check"], "passed")

    def test_keeps_the_schema(self):
        with open(f"{SOURCE}/tool/report/behalf-1.schema.json") as file:
            jsonschema.validate(self.report, json.load(file))

    def test_has_at_least_45_operations_in_four_postures(self):
        self.assertGreaterEqual(len({(o["family"], o["name"]) for o in self.report["operations"]}), 45)
        self.assertEqual({o["posture"] for o in self.report["operations"]}, {"files", "effective", "full", "shielded"})

    def test_every_row_answers_as_it_was_measured(self):
        for operation in self.report["operations"]:
            with self.subTest(row=f"{operation['family']}/{operation['name']}", posture=operation["posture"]):
                row = row_data(operation["family"], operation["name"])
                expected = "works" if operation["posture"] in row["works"].split() else "fails"
                first = operation["findings"][:1]
                self.assertEqual(operation["verdict"], expected, f"{operation['reasons']} {first}")

    def test_every_finding_names_the_hop_and_the_clock_of_its_row(self):
        # Of the posture that the row is about: the library's own where it fails there, else the first that fails.
        for key in sorted({(o["family"], o["name"]) for o in self.report["operations"]}):
            row = row_data(*key)
            failing = {o["posture"]: o for o in self.report["operations"] if (o["family"], o["name"]) == key and o["verdict"] == "fails"}
            about = next((failing[p] for p in ("full", "shielded", "effective", "files") if p in failing), None)
            if about is None:
                continue
            with self.subTest(row="/".join(key), posture=about["posture"]):
                first = about["findings"][0]
                hops = {row["hop"]} | OTHER_HOPS.get("/".join(key), set())
                self.assertIn(first["hop"], hops)
                self.assertEqual(first["clock"], row["clock"])

    def test_every_cure_that_is_run_works(self):
        for operation in self.report["operations"]:
            if "cure" in operation:
                with self.subTest(row=f"{operation['family']}/{operation['name']}", posture=operation["posture"]):
                    self.assertEqual(operation["cure"]["verdict"], "works", operation["cure"].get("why"))

    def test_the_table_of_historical_bugs_says_what_was_measured(self):
        expected = history_table(self.report["operations"])
        self.assertGreaterEqual(len(expected), 15)
        with open(f"{SOURCE}/docs/history.md") as file:
            table = [line.rstrip("\n") for line in file if line.startswith("| `")]
        self.maxDiff = None
        self.assertEqual(table, expected)

    def test_every_row_names_its_cure(self):
        for family, name in {(o["family"], o["name"]) for o in self.report["operations"]}:
            with self.subTest(row=f"{family}/{name}"):
                self.assertTrue(row_data(family, name)["cure"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
