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


def row_data(family, name):
    with open(f"{SOURCE}/catalogue/{family}/{name}.cc") as file:
        text = file.read()
    return {key: (re.search(rf"^{key}:[ \t]*(.*)$", text, re.M) or [None, ""])[1] for key in ("works", "hop", "clock", "title", "cure")}


class Survey(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        run = subprocess.run([TOOL, "survey", "--format", "json"], capture_output=True, text=True, timeout=900)
        cls.exit = run.returncode
        cls.report = json.loads(run.stdout)
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
                self.assertEqual((first["hop"], first["clock"]), (row["hop"], row["clock"]))

    def test_every_cure_that_is_run_works(self):
        for operation in self.report["operations"]:
            if "cure" in operation:
                with self.subTest(row=f"{operation['family']}/{operation['name']}", posture=operation["posture"]):
                    self.assertEqual(operation["cure"]["verdict"], "works", operation["cure"].get("why"))

    def test_every_row_names_its_cure(self):
        for family, name in {(o["family"], o["name"]) for o in self.report["operations"]}:
            with self.subTest(row=f"{family}/{name}"):
                self.assertTrue(row_data(family, name)["cure"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
