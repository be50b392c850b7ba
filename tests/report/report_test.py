#!/usr/bin/env python3
"""The reports for machines: SARIF keeps its schema, the trace is whole, baselines say what has changed.

usage: report_test.py TOOL SOURCE_FOLDER LIBRARY LIBRARY_WITH_HOSTILE_DWARF
"""
import ast
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest

import jsonschema

TOOL, SOURCE, LIBRARY, HOSTILE_DWARF = sys.argv[1:5]
HERE = os.path.dirname(os.path.abspath(__file__))
WITHOUT_NAMESPACES = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-all"]


def run(*words, before=(), **more):
    return subprocess.run([*before, TOOL, *words], capture_output=True, timeout=120, **more)


def check(operation, form, *words, **more):
    words = ["--before", "before", *words] if operation == "operation" else words
    return run("check", LIBRARY, operation, "--format", form, *words, **more)


class Sarif(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(f"{HERE}/sarif-schema-2.1.0.json") as file:
            cls.schema = json.load(file)
        # From the source folder, so that its files have relative paths.
        cls.done = check("operation", "sarif", "--posture", "full", "--posture", "effective", cwd=SOURCE)
        cls.log = json.loads(cls.done.stdout.decode())
        cls.run_of_it = cls.log["runs"][0]
        cls.results = cls.run_of_it["results"]

    def test_keeps_the_schema(self):
        jsonschema.Draft202012Validator(self.schema).validate(self.log)

    def test_the_schema_refuses_what_is_wrong(self):
        for wrong in ({"level": "dreadful"}, {"ruleIndex": "four"}, {"unheard_of": 1}):
            log = json.loads(json.dumps(self.log))
            log["runs"][0]["results"][0].update(wrong)
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.Draft202012Validator(self.schema).validate(log)

    def test_says_how_the_tool_ended(self):
        invocation = self.run_of_it["invocations"][0]
        self.assertEqual((self.done.returncode, invocation["exitCode"], invocation["executionSuccessful"]), (1, 1, True))

    def test_every_result_has_its_rule_and_its_cure(self):
        rules = self.run_of_it["tool"]["driver"]["rules"]
        self.assertEqual(len({rule["id"] for rule in rules}), len(rules))
        for result in self.results:
            rule = rules[result["ruleIndex"]]
            self.assertEqual((rule["id"], result["level"]), (result["ruleId"], "error"))
            self.assertIn("Cure: ", rule["help"]["text"])

    def lost(self):
        return next(r for r in self.results if r["properties"]["kind"] == "lost" and r["ruleId"] == "B102")

    def test_the_message_has_both_sides(self):
        self.assertRegex(self.lost()["message"]["text"], r"Expected: openat .* as alice -> .*; got: openat .* as root -> ")

    def test_one_result_for_all_postures(self):
        self.assertEqual(self.lost()["properties"]["postures"], ["full", "effective"])

    def test_the_place_is_relative_to_the_folder_it_was_run_in(self):
        place = self.lost()["locations"][0]["physicalLocation"]
        self.assertEqual(place["artifactLocation"], {"uri": "tests/report/hostile.c", "uriBaseId": "%SRCROOT%"})
        with open(f"{SOURCE}/{place['artifactLocation']['uri']}") as file:
            self.assertIn("open(PATH", file.read().splitlines()[place["region"]["startLine"] - 1])

    def test_the_flow_leads_from_the_maker_to_where_it_went_astray(self):
        threads = self.lost()["codeFlows"][0]["threadFlows"]
        self.assertEqual([t["id"] for t in threads][0], "maker")
        self.assertEqual([t["id"] for t in threads][-1], "astray")
        order = [at["executionOrder"] for t in threads for at in t["locations"]]
        self.assertEqual(order, list(range(1, len(order) + 1)))
        functions = [t["locations"][0]["location"]["logicalLocations"][0]["name"] for t in threads]
        self.assertEqual((functions[0], functions[-1]), ("before", "helper"))

    def test_fingerprints_are_those_of_the_next_run(self):
        again = json.loads(check("operation", "sarif", "--posture", "full", cwd="/").stdout.decode())["runs"][0]["results"]
        mine = next(r for r in again if r["properties"]["kind"] == "lost" and r["ruleId"] == "B102")
        self.assertEqual(mine["partialFingerprints"], self.lost()["partialFingerprints"])
        # Elsewhere there is no relative path.
        self.assertNotIn("..", mine["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])

    def test_different_findings_have_different_fingerprints(self):
        other = json.loads(check("answers", "sarif", "--posture", "full", "--leg", "cold").stdout.decode())["runs"][0]["results"]
        self.assertNotEqual(other[0]["partialFingerprints"], self.lost()["partialFingerprints"])

    def test_no_path_of_this_machine_where_a_relative_one_exists(self):
        self.assertNotIn(f"{SOURCE}/", self.done.stdout.decode())

    def test_stays_within_what_code_scanning_takes(self):
        self.assertLess(len(self.results), 5000)
        for rule in self.run_of_it["tool"]["driver"]["rules"]:
            self.assertLessEqual(len(rule["properties"]["tags"]), 10)
            self.assertLessEqual(len(rule["shortDescription"]["text"]), 1024)
        for result in self.results:
            self.assertLessEqual(len(result["message"]["text"]), 1024)

    def test_what_is_unclear_is_a_notification_and_no_result(self):
        done = run("check", LIBRARY, "no_two_alike", "--leg", "cold", "--format", "sarif")
        log = json.loads(done.stdout.decode())
        jsonschema.Draft202012Validator(self.schema).validate(log)
        only = log["runs"][0]
        self.assertEqual((done.returncode, only["invocations"][0]["exitCode"], only["results"]), (2, 2, []))
        self.assertIn("unclear", only["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"])


def parse(text):
    """protoc's text format as lists of (name, value); messages are lists again."""
    stack = [[]]
    for line in text.splitlines():
        line = line.strip()
        if line.endswith("{"):
            inner = []
            stack[-1].append((line[:-1].strip(), inner))
            stack.append(inner)
        elif line == "}":
            stack.pop()
        else:
            name, value = line.split(": ", 1)
            if value.startswith('"'):
                value = ast.literal_eval("b" + value).decode()
            stack[-1].append((name, value))
    return stack[0]


def get(message, name, default=None):
    return next((value for key, value in message if key == name), default)


def all_of(message, name):
    return [value for key, value in message if key == name]


class Trace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = check("operation", "perfetto", "--leg", "cold", "--leg", "alternating")
        decoded = subprocess.run(["protoc", f"--proto_path={HERE}", "--decode=Trace", "trace.proto"], input=done.stdout, capture_output=True, check=True)
        cls.exit, cls.text = done.returncode, decoded.stdout.decode()
        cls.packets = all_of(parse(cls.text), "packet")
        cls.tracks = [get(p, "track_descriptor") for p in cls.packets if get(p, "track_descriptor")]
        cls.events = [(int(get(p, "timestamp")), get(p, "track_event")) for p in cls.packets if get(p, "track_event")]

    def of_track(self):
        tracks = {}
        for at, event in self.events:
            tracks.setdefault(get(event, "track_uuid"), []).append((at, event))
        return tracks

    def names(self, **wanted):
        return [get(e, "name") for _, e in self.events if all(get(e, k) == v for k, v in wanted.items())]

    def test_every_field_is_one_of_perfettos(self):
        self.assertEqual(self.exit, 1)
        self.assertIsNone(re.search(r"^\s*\d+[ :]", self.text, re.M))

    def test_a_process_for_each_leg_and_a_track_for_each_thread(self):
        processes = [t for t in self.tracks if get(t, "process")]
        self.assertEqual([get(t, "name") for t in processes], ["leg cold, posture full", "leg alternating, posture full"])
        known = {get(t, "uuid") for t in self.tracks}
        self.assertEqual(len(known), len(self.tracks))
        for leg in processes:
            threads = [t for t in self.tracks if get(t, "parent_uuid") == get(leg, "uuid")]
            self.assertGreaterEqual(len(threads), 3)
            self.assertEqual({get(get(t, "thread"), "pid") for t in threads}, {get(get(leg, "process"), "pid")})
        self.assertLessEqual(set(self.of_track()), known)

    def test_slices_begin_and_end(self):
        for track, events in self.of_track().items():
            depth, slices = 0, 0
            for _, event in events:
                kind = get(event, "type")
                depth += {"TYPE_SLICE_BEGIN": 1, "TYPE_SLICE_END": -1}.get(kind, 0)
                slices += kind == "TYPE_SLICE_BEGIN"
                self.assertIn(depth, (0, 1), f"track {track}")
            self.assertEqual(depth, 0, f"track {track}")
            self.assertGreater(slices, 0)

    def test_time_never_goes_back(self):
        for events in self.of_track().values():
            times = [at for at, _ in events]
            self.assertEqual(times, sorted(times))

    def test_a_slice_is_named_by_whose_identity_it_is(self):
        self.assertEqual(set(self.names(type="TYPE_SLICE_BEGIN")), {"root", "alice", "bob"})

    def test_every_arrow_has_two_ends_in_order(self):
        begins, ends = {}, {}
        for at, event in self.events:
            for flow in all_of(event, "flow_ids"):
                self.assertNotIn(flow, begins)
                begins[flow] = at
            for flow in all_of(event, "terminating_flow_ids"):
                self.assertNotIn(flow, ends)
                ends[flow] = at
        self.assertEqual(set(begins), set(ends))
        self.assertGreater(len(begins), 2)
        for flow, at in begins.items():
            self.assertLess(at, ends[flow])

    def test_effects_say_who_and_for_whom(self):
        astray = [e for _, e in self.events if get(e, "categories") == "astray"]
        self.assertGreaterEqual(len(astray), 5)
        notes = {get(n, "name"): get(n, "string_value") for n in all_of(astray[0], "debug_annotations")}
        self.assertEqual((notes["as"], notes["for"]), ("root", "alice"))
        self.assertTrue(notes["object"].startswith("/srv/<img"))
        self.assertIn("uid 0", notes["ids"])

    def test_the_finding_is_there_once_with_its_code(self):
        findings = self.names(categories="finding")
        self.assertEqual(len([f for f in findings if f.startswith("B102 lost: openat /srv/<img")]), 1, findings)


class Text(unittest.TestCase):
    def test_a_report_of_one_finding_fits_one_screen_and_names_the_line(self):
        done = check("operation", "text")
        lines = done.stdout.decode().splitlines()
        self.assertLessEqual(len(lines), 50)
        self.assertLessEqual(max(map(len, lines)), 110)
        self.assertRegex(done.stdout.decode(), r"#\d+ +helper  .*hostile\.c:\d+\n")

    def test_what_was_printed_cannot_steer_the_terminal(self):
        self.assertNotIn(b"\x1b", check("operation", "text", "--leg", "cold", "-v").stdout)


class HostileDebuggingInformation(unittest.TestCase):
    """Reading it runs out of stack: that costs the names, and neither the verdict nor the tool."""

    def check(self, form):
        done = run("check", HOSTILE_DWARF, "asks_the_real_id", "--posture", "effective", "--leg", "cold", "--format", form)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stdout.decode()

    def test_the_text_has_the_address_and_says_what_is_missing(self):
        text = self.check("text")
        self.assertRegex(text, r"#0 +access ")
        self.assertRegex(text, r"#1 +\?\?  hostile_dwarf\.so\+0x[0-9a-f]+\n")
        self.assertRegex(text, r"note: functions and lines of .*hostile_dwarf\.so\s+are\s+not\s+named")
        self.assertIn("SUMMARY: behalf: lost B601 real-id", text)

    def test_json_keeps_the_schema(self):
        document = json.loads(self.check("json"))
        with open(f"{SOURCE}/tool/report/behalf-1.schema.json") as file:
            jsonschema.validate(document, json.load(file))
        frame = document["operations"][0]["findings"][0]["stack"][1]
        self.assertEqual((frame["function"], frame["offset"] > 0), ("", True))
        self.assertIn("signal 11", document["notes"][0])

    def test_sarif_and_html_say_it_too(self):
        notes = json.loads(self.check("sarif"))["runs"][0]["invocations"][0]["toolExecutionNotifications"]
        self.assertIn("hostile_dwarf.so are not named", notes[0]["message"]["text"])
        self.assertIn("hostile_dwarf.so are not named", self.check("html"))


class Debuginfod(unittest.TestCase):
    def test_no_server_is_asked_for_debugging_information(self):
        with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
            os.chmod(folder, 0o777)
            stripped = f"{folder}/stripped.so"
            subprocess.run(["strip", "-o", stripped, LIBRARY], check=True)
            environment = {**os.environ, "DEBUGINFOD_URLS": f"http://127.0.0.1:{server.getsockname()[1]}",
                           "DEBUGINFOD_CACHE_PATH": f"{folder}/cache", "DEBUGINFOD_TIMEOUT": "1"}
            done = run("check", stripped, "answers", "operation", "--before", "before", "--leg", "cold", env=environment)
            self.assertEqual(done.returncode, 1, done.stderr)
            server.setblocking(False)
            self.assertRaises(BlockingIOError, server.accept)


class Baselines(unittest.TestCase):
    ROWS = ["thread_joined", "thread_made_before"]

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.file = f"{folder.name}/old.json"
        run("survey", *cls.ROWS, "--posture", "full", "--posture", "files", "--format", "json", "-o", cls.file)
        with open(cls.file) as file:
            cls.old = json.load(file)
        with open(f"{SOURCE}/tool/report/behalf-1.schema.json") as file:
            cls.schema = json.load(file)

    def edited(self, edit):
        document = json.loads(json.dumps(self.old))
        edit({(o["name"], o["posture"]): o for o in document["operations"]}, document)
        path = self.file + ".edited"
        with open(path, "w") as file:
            json.dump(document, file)
        return path

    def survey(self, baseline, *words):
        return run("survey", *self.ROWS, "--posture", "full", "--baseline", baseline, *words)

    def test_nothing_has_changed(self):
        done = self.survey(self.file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("BASELINE: behalf: 0 worse, 0 better, 0 new, 0 gone", done.stdout.decode())

    def test_worse_is_exit_1_and_everything_is_listed(self):
        def edit(by_key, document):
            by_key["thread_made_before", "full"]["verdict"] = "unclear"   # fails now: worse
            by_key["thread_joined", "full"]["verdict"] = "fails"          # works now: better
            document["operations"].append({**by_key["thread_joined", "full"], "name": "dropped", "family": "thread_joined"})
            document["operations"].append({**by_key["thread_joined", "full"], "name": "elsewhere", "family": "queues"})
        done = self.survey(self.edited(edit))
        text = done.stdout.decode()
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(text, r"worse +threads/thread_made_before  full  unclear -> fails")
        self.assertRegex(text, r"better +threads/thread_joined  full  fails -> works")
        self.assertRegex(text, r"gone +thread_joined/dropped  full  was fails")
        # What was not asked for, another family or posture, is not gone.
        self.assertIn("1 worse, 1 better, 0 new, 1 gone", text)

    def test_a_cure_that_does_not_work_any_more_is_worse(self):
        def edit(by_key, _):
            self.assertEqual(by_key["thread_made_before", "full"]["cure"]["verdict"], "works")
            by_key["thread_made_before", "full"]["cure"]["verdict"] = "fails"  # works now: better
        done = self.survey(self.edited(edit))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout.decode(), r"better +threads/thread_made_before/cured  full  fails -> works")

    def test_works_to_fails_is_worse_and_better_alone_is_exit_0(self):
        worse = self.edited(lambda by_key, _: by_key["thread_made_before", "full"].update(verdict="works"))
        self.assertEqual(self.survey(worse).returncode, 1)
        with open(self.file + ".known", "w") as file:
            file.write("operation:thread_made_before because of ticket 4711\n")
        known = self.survey(worse, "--suppressions", self.file + ".known")
        self.assertEqual(known.returncode, 0)
        self.assertIn("because of ticket 4711", known.stdout.decode())
        better = self.edited(lambda by_key, _: by_key["thread_joined", "full"].update(verdict="unclear"))
        self.assertEqual(self.survey(better).returncode, 0)

    def test_json_has_the_changes_and_keeps_the_schema(self):
        def edit(by_key, document):
            document["operations"] = [o for o in document["operations"] if (o["name"], o["posture"]) != ("thread_joined", "full")]
            by_key["thread_made_before", "full"]["verdict"] = "works"
        done = self.survey(self.edited(edit), "--format", "json")
        document = json.loads(done.stdout.decode())
        jsonschema.validate(document, self.schema)
        key = {"family": "threads", "posture": "full"}
        (worse,) = document["baseline"]["worse"]
        self.assertRegex(worse.pop("why"), "lost: openat")
        self.assertEqual(worse, {**key, "name": "thread_made_before", "was": "works", "is": "fails"})
        self.assertEqual(document["baseline"]["new"], [{**key, "name": "thread_joined", "is": "works"}])

    def refused(self, content, says, path=None):
        if path is None:
            path = self.file + ".bad"
            with open(path, "w") as file:
                file.write(content)
        # Where no leg can be run: so none was.
        done = run("survey", "--baseline", path, before=WITHOUT_NAMESPACES)
        said = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (64, b""), said)
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertRegex(said, says)

    def test_a_baseline_that_is_none(self):
        self.refused(None, "No such file", "/missing/old.json")
        self.refused(None, "is a directory", "/tmp")
        self.refused("", "not JSON")
        self.refused("{\"schema\":\"behalf/1\"", "not JSON")
        self.refused("[]", "'schema'")
        self.refused('{"schema":"behalf/2"}', "'behalf/2', and not 'behalf/1'")
        self.refused('{"schema":"behalf/1"}', "'operations'")
        self.refused('{"schema":"behalf/1","tool":"t","kernel":"k","operations":[{"name":"x"}]}', "'family'")
        named = '"name":"n","family":"f","posture":"full","verdict":'
        self.refused(f'{{"schema":"behalf/1","tool":"t","kernel":"k","operations":[{{{named}"fine"}}]}}', "'fine'")
        self.refused(f'{{"schema":"behalf/1","tool":"t","kernel":"k","operations":[{{{named}"works","cure":7}}]}}', "'operation'")
        self.refused('{"schema":"behalf/1","tool":"t","kernel":"k","operations":[7]}', "'name'")


class Suppressions(unittest.TestCase):
    """What is known and meant is told with its reason, and is no failure."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)

    def rules(self, text):
        path = f"{self.folder.name}/known.txt"
        with open(path, "w") as file:
            file.write(text)
        return path

    def check(self, rules, form, *words):
        return check("operation", form, "--leg", "cold", "--suppressions", self.rules(rules), *words)

    def test_a_suppressed_finding_is_still_in_json_and_the_exit_code_is_0(self):
        done = self.check("# known\noperation:oper* function:helper because of ticket 4711\n", "json")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        document = json.loads(done.stdout.decode())
        with open(f"{SOURCE}/tool/report/behalf-1.schema.json") as file:
            jsonschema.validate(document, json.load(file))
        (operation,) = document["operations"]
        self.assertEqual((operation["verdict"], operation["suppressed"], document["summary"]["works"]), ("fails", True, 0))
        for finding in operation["findings"]:
            self.assertEqual((finding["suppressed"]["reason"], finding["suppressed"]["line"]), ("of ticket 4711", 2))

    def test_sarif_keeps_its_schema_and_says_how_the_tool_ended(self):
        done = self.check("code:B102 because of ticket 4711\n", "sarif")
        log = json.loads(done.stdout.decode())
        with open(f"{HERE}/sarif-schema-2.1.0.json") as file:
            jsonschema.Draft202012Validator(json.load(file)).validate(log)
        only = log["runs"][0]
        self.assertEqual((done.returncode, only["invocations"][0]["exitCode"]), (0, 0))
        self.assertEqual({r["suppressions"][0]["justification"] for r in only["results"]}, {"of ticket 4711"})

    def test_rules_that_are_unused_or_expired_are_said_and_suppress_nothing(self):
        done = self.check("code:B102 until 2020-01-01 because it was new then\nfunction:never because x\n", "text")
        self.assertEqual(done.returncode, 1)
        said = done.stderr.decode().splitlines()
        self.assertEqual(len(said), 2, said)
        self.assertRegex(said[0], r"known\.txt:1: expired: 'code:B102 until 2020-01-01' no longer suppresses the finding")
        self.assertRegex(said[1], r"known\.txt:2: unused: .* 'function:never'")
        self.assertIn("LOST  [B102 queue]", done.stdout.decode())

    def test_a_line_that_is_no_rule_is_said_before_anything_is_run(self):
        for line, says in (("code:B102", "no reason"), ("code:B999 because x", "no code B999"), ("leak:x because x", "leak:x")):
            done = run("check", LIBRARY, "operation", "--suppressions", self.rules(f"\n{line}\n"), before=WITHOUT_NAMESPACES)
            said = done.stderr.decode()
            self.assertEqual((done.returncode, done.stdout, len(said.splitlines())), (64, b"", 1), said)
            self.assertRegex(said, rf"known\.txt:2: .*{says}")
        done = run("survey", "--suppressions", "/missing", before=WITHOUT_NAMESPACES)
        self.assertEqual(done.returncode, 64)

    def test_a_survey_shows_the_reason_in_its_row(self):
        done = run("survey", "thread_made_before", "--posture", "full", "--suppressions",
                   self.rules("operation:threads/thread_made_before because of ticket 4711\noperation:elsewhere because x\n"))
        text = done.stdout.decode()
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertRegex(" ".join(text.split()), r"suppressed: lost: .*; because of ticket 4711 \(")
        self.assertIn("1 fail (1 suppressed)", text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
