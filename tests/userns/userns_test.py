#!/usr/bin/env python3
"""Without root: an ordinary user surveys and checks, is told what cannot be told, and what to do where nothing can.

The user is real, and the machine's account files stay as they are: the test has an /etc of its own in a mount namespace.

usage: userns_test.py TOOL SOURCE_FOLDER
"""
import ctypes
import glob
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

TOOL, SOURCE = sys.argv[1:3]
NAME, ID = "behalf-tester", 47114
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
libc = ctypes.CDLL(None, use_errno=True)

OPERATIONS = r"""
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int reads_note(void) {
  char text[64];
  int fd = open("/home/alice/note.txt", O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text);
  if (size > 0) fwrite(text, 1, size, stdout);
  if (fd >= 0) close(fd);
  return 0;
}
int sleeps(void) { for (;;) pause(); }
"""


def must(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def become_the_user(**environment):
    def become():
        os.setgroups([])
        os.setresgid(ID, ID, ID)
        os.setresuid(ID, ID, ID)
        os.environ.update(environment)
    return become


def run(*words, tool=(TOOL,), user=True, environment=None, **more):
    return subprocess.run([*tool, *words], capture_output=True, text=True, timeout=120,
                          preexec_fn=become_the_user() if user else None,
                          env={**os.environ, "HOME": HOME, **(environment or {})}, **more)


def write_ids(*lines):
    for name in ("/etc/subuid", "/etc/subgid"):
        with open(name, "w") as file:
            file.write("".join(line + "\n" for line in lines))


def setUpModule():
    global HOME
    must(libc.unshare(CLONE_NEWNS))
    must(libc.mount(None, b"/", None, 1 << 18 | 1 << 14, None))  # MS_PRIVATE | MS_REC
    # A folder that nobody but the user can enter.
    home = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(home.cleanup)
    HOME = home.name
    etc = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(etc.cleanup)
    shutil.copytree("/etc", f"{etc.name}/etc", symlinks=True, ignore_dangling_symlinks=True)
    must(libc.mount(f"{etc.name}/etc".encode(), b"/etc", None, 1 << 12, None))  # MS_BIND
    unittest.addModuleCleanup(libc.umount2, b"/etc", 2)
    with open("/etc/passwd", "a") as file:
        file.write(f"{NAME}:x:{ID}:{ID}::{HOME}:/bin/sh\n")
    with open("/etc/group", "a") as file:
        file.write(f"{NAME}:x:{ID}:\n")
    with open("/etc/shadow", "a") as file:
        file.write(f"{NAME}:*:19000::::::\n")
    with open(f"{HOME}/operations.c", "w") as file:
        file.write(OPERATIONS)
    subprocess.run(["cc", "-g", "-shared", "-fPIC", "-o", f"{HOME}/operations.so", f"{HOME}/operations.c"], check=True)
    os.chown(HOME, ID, ID)
    os.chmod(HOME, 0o700)


class AsAnOrdinaryUser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        write_ids(f"{NAME}:1000000:65536")

    def survey(self, *rows, user=True):
        stage = [] if user else ["--stage", "userns"]
        done = run("survey", *rows, "--posture", "files", "--posture", "full", "--format", "json", *stage, user=user)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        with open(f"{SOURCE}/tool/report/behalf-1.schema.json") as schema:
            jsonschema.validate(report, json.load(schema))
        self.assertEqual((report["stage"], report["self_check"]), ("userns", "passed"))
        return report["operations"]

    ROWS = ("read_own_note", "thread_made_before", "raise_priority", "process_limit", "set_user_id_program")
    DATABASE = f"{os.path.dirname(TOOL)}/../lib/behalf/catalogue/databases/postgres_peer.so"
    if os.path.exists(DATABASE) and glob.glob("/usr/lib/postgresql/*/bin/postgres"):
        ROWS += ("postgres_peer",)  # with a daemon on the stage

    def test_rows_are_judged_as_by_root_or_not_at_all(self):
        operations = self.survey(*self.ROWS)
        for operation in operations:
            with open(f"{SOURCE}/catalogue/{operation['family']}/{operation['name']}.cc") as file:
                works = re.search(r"^works:\s*(.*)$", file.read(), re.M)[1].split()
            expected = "works" if operation["posture"] in works else "fails"
            with self.subTest(row=operation["name"], posture=operation["posture"]):
                if operation["verdict"] == "unclear":
                    self.assertTrue(any(reason.startswith("needs root: ") for reason in operation["reasons"]))
                else:
                    self.assertEqual(operation["verdict"], expected, operation)
        verdicts = {(o["name"], o["posture"]): o["verdict"] for o in operations}
        self.assertEqual({verdicts["read_own_note", p] for p in ("files", "full")}, {"works"})
        self.assertEqual({verdicts["thread_made_before", p] for p in ("files", "full")}, {"fails"})
        # Marked in its head; seen by its call; seen by the program that it starts.
        self.assertEqual({v for (name, _), v in verdicts.items() if name == "process_limit"}, {"unclear"})
        self.assertEqual(verdicts["raise_priority", "full"], "unclear")
        self.assertEqual(verdicts["set_user_id_program", "full"], "unclear")
        self.assertEqual([(o["name"], o["posture"], o["verdict"]) for o in operations],
                         [(o["name"], o["posture"], o["verdict"]) for o in self.survey(*self.ROWS, user=False)])

    def test_the_table_says_it(self):
        done = run("survey", "process_limit", "--posture", "full")
        self.assertIn("without root, on a stage in a user namespace", done.stdout)
        self.assertIn("unclear here: needs root: the root of a user namespace is not exempt", done.stdout)

    def test_a_call_of_any_function_is_unclear_where_root_would_be_granted_it(self):
        done = run("check", "libc.so.6", "int nice(-5)", "--posture", "files", "--leg", "cold")
        self.assertEqual(done.returncode, 1, done.stdout)  # done as root: wrong whatever the kernel says
        done = run("check", "libc.so.6", "int nice(-5)", "--leg", "warm")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("CAP_SYS_NICE", done.stdout)

    def test_a_library_in_a_private_home_and_a_report_beside_it(self):
        done = run("check", f"{HOME}/operations.so", "reads_note", "--leg", "cold", "-o", f"{HOME}/report")
        self.assertEqual(done.returncode, 1 if done.stdout else 0, done.stdout + done.stderr)
        self.assertEqual(os.stat(f"{HOME}/report").st_uid, ID)

    def test_self_check(self):
        done = run("self-check")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("stage userns: self-check passed", done.stdout)

    def test_nothing_is_left_when_the_tool_is_killed(self):
        def of_the_users():
            found = []
            for process in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{process}/status") as file:
                        uid = int(re.search(r"^Uid:\s+(\d+)", file.read(), re.M)[1])
                    if uid == ID or 1000000 <= uid < 1065536:
                        found.append(process)
                except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                    pass
            return found

        with open("/proc/self/mounts") as file:
            mounts = file.read()
        tool = subprocess.Popen([TOOL, "check", f"{HOME}/operations.so", "sleeps", "--limit", "60"], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, preexec_fn=become_the_user())
        self.addCleanup(tool.kill)
        patience = time.monotonic() + 30
        while (most := len(of_the_users())) < 4 and time.monotonic() < patience:
            time.sleep(0.05)
        self.assertGreaterEqual(most, 4, "the tool never came to run the operation")
        tool.send_signal(signal.SIGKILL)
        tool.wait()
        patience = time.monotonic() + 5
        while of_the_users() and time.monotonic() < patience:
            time.sleep(0.05)
        self.assertEqual(of_the_users(), [])
        with open("/proc/self/mounts") as file:
            self.assertEqual(file.read(), mounts)


class WhereItCannot(unittest.TestCase):
    def setUp(self):
        write_ids(f"{NAME}:1000000:65536")

    def refused(self, says, *words, **more):
        done = run(*(words or ("self-check",)), **more)
        self.assertEqual((done.returncode, done.stdout), (69, ""), done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertRegex(done.stderr, says)
        return done.stderr

    def test_without_subordinate_ids_it_names_the_command_and_that_is_one(self):
        write_ids("somebody:100000:65536")
        said = self.refused(r"usermod --add-subuids 165536-231071 --add-subgids 165536-231071 behalf-tester")
        remedy = re.search(r"usermod .*?behalf-tester", said)[0]
        subprocess.run(remedy.split(), check=True)
        self.assertEqual(run("self-check").returncode, 0)

    def test_with_too_few_subordinate_ids(self):
        write_ids(f"{NAME}:1000000:1000")
        self.refused("needs 65536 subordinate user and group ids, and behalf-tester has 1000 and 1000: .*usermod")

    def test_without_newuidmap(self):
        self.refused("apt-get install uidmap", environment={"PATH": HOME})

    def test_under_no_new_privs(self):
        self.refused("NO_NEW_PRIVS", tool=("setpriv", "--no-new-privs", TOOL))

    def test_where_setgroups_is_denied(self):
        self.refused("setgroups", tool=("unshare", "-r", TOOL))

    def test_root_s_stage_is_root_s(self):
        self.refused("sudo", "self-check", "--stage", "root")

    def test_where_user_namespaces_are_forbidden(self):
        # The setting is a user namespace's own: the machine's stays what it is.
        script = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --reuid $0 --regid $0 --clear-groups \"$@\""
        ready, go = os.pipe(), os.pipe()

        def in_a_namespace():
            must(libc.unshare(CLONE_NEWUSER))
            os.write(ready[1], b"r")
            os.read(go[0], 1)

        def map_all():
            # Popen waits for the exec of its child, and the child for its map: the map is another process's to write.
            os.read(ready[0], 1)
            child = next(p for p in filter(str.isdigit, os.listdir("/proc")) if parent_of(p) == me and int(p) != os.getpid())
            for kind in ("uid_map", "gid_map"):
                with open(f"/proc/{child}/{kind}", "w") as file:
                    file.write("0 0 4294967295\n")
            os.write(go[1], b"g")
            os._exit(0)

        def parent_of(process):
            try:
                with open(f"/proc/{process}/stat") as file:
                    return int(file.read().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                return -1

        me = os.getpid()
        if os.fork() == 0:
            map_all()
        done = subprocess.run(["sh", "-c", script, str(ID), TOOL, "self-check"], capture_output=True, text=True, timeout=60,
                              preexec_fn=in_a_namespace)
        os.wait()
        self.assertEqual((done.returncode, done.stdout), (69, ""), done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertIn("sysctl -w user.max_user_namespaces", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
