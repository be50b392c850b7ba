#!/usr/bin/env python3
"""examples/administration, as its reader meets it: built against an installed behalf, on a bus of its own with the machine's polkit, and
asked by alice, bob and carol.

usage: administration_test.py BUILD_FOLDER SOURCE_FOLDER CXX     (as root; in a mount namespace of its own)
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import engines
from example import IDS, build_example, make_accounts, run

BUILD, SOURCE, CXX = sys.argv[1:4]
EXAMPLE = f"{SOURCE}/examples/administration"
POLKITD = "/usr/lib/polkit-1/polkitd"

# What a client does, in a process that is the user.
CLIENT = """
import http.client, socket, sys
connection = http.client.HTTPConnection("here", timeout=60)
connection.sock = socket.socket(socket.AF_UNIX); connection.sock.connect(sys.argv[1])
connection.request(sys.argv[2], sys.argv[3])
answer = connection.getresponse()
print(answer.status, answer.read().decode(), end="")
"""


def wait_for(there, what):
    for _ in range(1000):
        if there():
            return
        time.sleep(0.01)
    raise AssertionError(what)


def text_of(path):
    with open(path) as file:
        return file.read()


class Administration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        cls.folder = folder.name
        cls.program = build_example("administration", folder.name, BUILD, SOURCE, CXX)
        IDS["carol"] = 3003
        make_accounts(folder.name)
        # polkit knows of nothing but what the example brings.
        for place, files in {"/usr/share/polkit-1/actions": ["org.behalf.machine.policy"], "/usr/share/polkit-1/rules.d": [],
                             "/etc/polkit-1/rules.d": ["10-machine.rules"]}.items():
            run("mount", "-t", "tmpfs", "-o", "mode=755", "none", place)
            for name in files:
                shutil.copy(f"{EXAMPLE}/{name}", place)
        os.makedirs(f"{folder.name}/units")
        for name in "backup", "mail":
            with open(f"{folder.name}/units/{name}.service", "w") as file:
                file.write("[Service]\nExecStart=/usr/bin/sleep 1000\n")
        cls.bus = engines.start_bus(cls, f"{folder.name}/bus", "/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf",
                                    f"{EXAMPLE}/org.behalf.Machine.conf")
        cls.start_polkit()
        cls.start("machine", f"{folder.name}/build/machine", "--units", f"{folder.name}/units", "--bus", cls.bus)
        for name, words in {"remembers": [], "forgets": ["--forget", "blanket"]}.items():
            setattr(cls, name, cls.start(name, cls.program, "--socket", f"{folder.name}/{name}.sock", "--bus", cls.bus,
                                         "--log", f"{folder.name}/{name}.log", *words))
        wait_for(lambda: all(os.path.exists(f"{folder.name}/{name}.sock") for name in ("remembers", "forgets")), "no front end")
        wait_for(lambda: cls.ask("alice", "GET", "/units").startswith("200"), "the manager did not start")

    @classmethod
    def start(cls, name, *words):
        out = open(f"{cls.folder}/{name}.out", "a")
        cls.addClassCleanup(out.close)
        process = subprocess.Popen(words, stdout=out, stderr=out, umask=0o022, env={"DBUS_SYSTEM_BUS_ADDRESS": cls.bus, "PATH": "/usr/bin:/bin"})
        cls.addClassCleanup(lambda: (process.terminate(), process.wait(20)))
        return process

    @classmethod
    def start_polkit(cls):
        cls.polkit = cls.start("polkit", POLKITD)
        wait_for(lambda: "Acquired the name" in text_of(f"{cls.folder}/polkit.out"), "polkit did not start")

    @classmethod
    def ask(cls, user, method, path, name="remembers"):
        number = IDS.get(user, 0)
        return subprocess.run(["/usr/bin/python3", "-c", CLIENT, f"{cls.folder}/{name}.sock", method, path], user=number, group=number,
                              extra_groups=[], cwd="/", text=True, capture_output=True, timeout=100).stdout

    def setUp(self):
        self.assertEqual(self.ask("alice", "POST", "/units/backup.service/stop"), "204 ")

    def state(self, unit):
        return self.ask("alice", "GET", f"/units/{unit}.service")

    def test_who_may_do_what_is_the_users_right(self):
        self.assertEqual(self.ask("alice", "POST", "/units/backup.service/start"), "204 ")
        self.assertEqual(self.state("backup"), "200 backup.service active\n")
        self.assertEqual(self.ask("bob", "GET", "/units"), "200 backup.service active\nmail.service inactive\n")
        self.assertRegex(self.ask("bob", "POST", "/units/backup.service/stop"), "^403 .*polkit does not allow it")
        self.assertRegex(self.ask("alice", "POST", "/units/mail.service/start"), "^403 ")
        for method, path in ("GET", "/units"), ("GET", "/units/backup.service"), ("POST", "/units/backup.service/stop"):
            self.assertRegex(self.ask("carol", method, path), "^403 .*polkit does not allow it")
        self.assertRegex(self.ask("root", "GET", "/units"), "^403 ")
        self.assertEqual(self.state("backup"), "200 backup.service active\n")
        self.assertEqual(self.ask("alice", "POST", "/units/backup.service/stop"), "204 ")
        self.assertEqual(self.state("backup"), "200 backup.service inactive\n")

    def test_the_bus_the_manager_and_polkit_see_the_user(self):
        self.ask("bob", "POST", "/units/mail.service/stop")
        self.assertIn("uid 3002: stop mail.service: refused\n", text_of(f"{self.folder}/machine.out"))
        self.assertIn("bob wants to stop mail.service\n", text_of(f"{self.folder}/polkit.out"))
        self.assertRegex(text_of(f"{self.folder}/remembers.log"), "403 POST /units/mail.service/stop")
        self.ask("alice", "GET", "/units/mail.service")
        self.assertIn(" alice(3001): done GET /units/mail.service\n", text_of(f"{self.folder}/remembers.log"))

    def test_a_front_end_that_forgets_the_blanket_lends_its_right_to_everybody(self):
        self.assertEqual(self.ask("alice", "POST", "/units/backup.service/start"), "204 ")
        self.assertEqual(self.ask("bob", "POST", "/units/mail.service/start", name="forgets"), "204 ")
        for unit in "mail", "backup":
            self.assertEqual(self.ask("bob", "POST", f"/units/{unit}.service/stop", name="forgets"), "204 ")
        self.assertEqual(self.ask("carol", "GET", "/units", name="forgets"), "200 backup.service inactive\nmail.service inactive\n")
        said = text_of(f"{self.folder}/machine.out")
        self.assertIn("uid 0: stop backup.service: allowed\n", said)
        self.assertNotIn("bob wants to start mail.service\n", text_of(f"{self.folder}/polkit.out"))

    def test_without_polkit_nobody_may_do_anything(self):
        type(self).polkit.kill()
        type(self).polkit.wait()
        try:
            self.assertRegex(self.ask("alice", "POST", "/units/backup.service/start"), "^403 .*polkit cannot be asked")
        finally:
            os.unlink(f"{self.folder}/polkit.out")
            self.start_polkit()
        self.assertEqual(self.state("backup"), "200 backup.service inactive\n")

    def test_what_is_no_service_is_refused(self):
        self.assertRegex(self.ask("alice", "GET", "/units/none.service"), "^404 ")
        self.assertRegex(self.ask("alice", "POST", "/units/backup.service/restart"), "^404 ")
        self.assertRegex(self.ask("alice", "GET", "/units/backup.service/stop"), "^405 ")
        for path in "/", "/units/backup", "/units/..%2fx.service", "/units/a;b.service":
            self.assertRegex(self.ask("alice", "GET", path), "^40[04] ")

    def test_a_name_does_not_write_a_line_of_anothers(self):
        for verb in "Start", "Stop":
            said = subprocess.run(["/usr/bin/dbus-send", f"--bus={self.bus}", "--print-reply", "--dest=org.behalf.Machine",
                                   "/org/freedesktop/systemd1", f"org.freedesktop.systemd1.Manager.{verb}Unit",
                                   "string:x.service\nuid 0: stop x.service: allowed", "string:replace"], user=IDS["bob"],
                                  group=IDS["bob"], extra_groups=[], cwd="/", text=True, capture_output=True, timeout=100).stderr
            self.assertIn("that is no unit's name", said)
        self.assertNotIn("\nuid 0: stop x.service", text_of(f"{self.folder}/machine.out"))
        self.assertNotIn("\nuid 0: stop x.service", text_of(f"{self.folder}/polkit.out"))

    def test_many_at_once_are_each_judged_for_themselves_and_leave_no_thread_as_a_user(self):
        wrong = []

        def work(user, path, method, expected):
            for _ in range(6):
                answer = self.ask(user, method, path)
                if not answer.startswith(expected):
                    wrong.append((user, path, answer))

        threads = [threading.Thread(target=work, args=each) for each in [
            ("alice", "/units/backup.service/start", "POST", "204"), ("bob", "/units/backup.service/start", "POST", "403"),
            ("bob", "/units", "GET", "200"), ("carol", "/units", "GET", "403"), ("alice", "/units/mail.service/start", "POST", "403")]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

        def users():
            found = []
            for status in glob.glob(f"/proc/{self.remembers.pid}/task/*/status"):
                found += [ids for ids in re.findall(r"^Uid:\s*(.*)$", text_of(status), re.M) if ids.split() != ["0"] * 4]
            return found

        wait_for(lambda: not users(), "a thread is still a user")


if os.environ.get("BEHALF_TEST_NAMESPACE") != "own":
    if os.geteuid() != 0:
        print("needs root: a mount namespace with accounts of its own")
        sys.exit(77)
    for program in POLKITD, "/usr/bin/dbus-daemon":
        if not os.path.exists(program):
            print(f"needs {program}")
            sys.exit(77)
    os.environ["BEHALF_TEST_NAMESPACE"] = "own"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
unittest.main(argv=sys.argv[:1])
