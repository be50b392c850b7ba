#!/usr/bin/env python3
"""Daemons on the stage: they serve, with accounts of their own, unseen by the tracer; they end whatever way the tool ends;
and one that is missing or does not start is said, and is never a verdict.

usage: services_test.py TOOL
"""
import ctypes
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TOOL = sys.argv[1]
CLONE_NEWNS, MS_BIND, PR_SET_CHILD_SUBREAPER = 0x00020000, 0x1000, 36
libc = ctypes.CDLL(None, use_errno=True)

DAEMONS = {  # name: (what is there when it serves, its account, its process)
    "dbus": ("/run/dbus/system_bus_socket", "messagebus", "dbus-daemon"),
    "munge": ("/run/munge/munge.socket.2", "munge", "munged"),
    "postgresql": ("/run/postgresql/.s.PGSQL.5432", "postgres", "postgres"),
}

# What is not as it should be ends the process, so that nothing can be said to work.
OPERATIONS = r"""
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int connects(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  strcpy(address.sun_path, path);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) abort();
  return close(fd);
}
int knows(const char *account) {
  if (getpwnam(account) == NULL) abort();
  return 0;
}
int knows_not(const char *account) {
  if (getpwnam(account) != NULL) abort();
  return 0;
}
int opens(void) { return close(open("/home/alice/note.txt", O_RDONLY)); }
int fails(void) { return puts(getenv("HOME")); }
int sleeps(void) { for (;;) pause(); }
"""


def must(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def setUpModule():
    global LIBRARY, FOLDER, INITDB
    clusters = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if not clusters or not os.path.exists("/usr/sbin/munged") or not os.path.exists("/usr/bin/dbus-daemon"):
        raise unittest.SkipTest("apt-get install dbus-daemon munge postgresql")
    INITDB = max(clusters, key=lambda path: float(path.split("/")[4]))
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    FOLDER = folder.name
    os.chmod(FOLDER, 0o755)
    LIBRARY = f"{FOLDER}/operations.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", LIBRARY, "-x", "c", "-"], input=OPERATIONS, text=True, check=True)
    must(libc.unshare(CLONE_NEWNS))
    must(libc.mount(None, b"/", None, 1 << 18 | 1 << 14, None))  # MS_PRIVATE | MS_REC
    must(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))  # whoever is left behind becomes our child


def check(*operations, services=(), stage="root"):
    words = [TOOL, "check", LIBRARY, *operations, "--leg", "cold", "--format", "json", "--stage", stage]
    for service in services:
        words += ["--service", service]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["operations"]


def children():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return file.read().split()


def below(process):
    """The names of the processes that came of that one."""
    found = []
    try:
        with open(f"/proc/{process}/task/{process}/children") as file:
            for child in file.read().split():
                with open(f"/proc/{child}/comm") as name:
                    found.append(name.read().strip())
                found += below(child)
    except OSError:
        pass
    return found


class Test(unittest.TestCase):
    def setUp(self):
        self.note_what_is_there()

    def note_what_is_there(self):
        with open("/proc/self/mounts") as file:
            self.mounts = file.read()
        self.shared = sorted(os.listdir("/dev/shm"))

    def nothing_is_left(self, within=0.0):
        patience = time.monotonic() + within
        while True:
            try:
                while os.waitpid(-1, os.WNOHANG)[0] != 0:
                    pass
            except ChildProcessError:
                break
            if time.monotonic() >= patience:
                break
            time.sleep(0.02)
        self.assertEqual(children(), [])
        with open("/proc/self/mounts") as file:
            self.assertEqual(file.read(), self.mounts)
        self.assertEqual(sorted(os.listdir("/dev/shm")), self.shared)


class Serving(Test):
    def test_each_takes_connections_where_its_clients_look_for_it(self):
        for stage in "root", "userns":
            for answer in check(*(f'int connects("{socket}")' for socket, _, _ in DAEMONS.values()), services=DAEMONS, stage=stage):
                with self.subTest(operation=answer["name"], stage=stage):
                    self.assertEqual(answer["verdict"], "works", answer)
        self.nothing_is_left()

    def test_only_what_was_asked_for_is_there_and_has_an_account(self):
        answers = check('int knows("messagebus")', 'int knows_not("munge")', 'int knows_not("postgres")',
                        'int connects("/run/munge/munge.socket.2")', services=["dbus"])
        self.assertEqual([answer["verdict"] == "works" for answer in answers], [True, True, True, False], answers)

    def test_the_tracer_sees_none_of_them(self):
        def stops(*services):
            [answer] = check("opens", services=services)
            self.assertEqual(answer["verdict"], "works", answer)
            return [leg["stops"] for leg in answer["legs"]]
        self.assertEqual(stops(*DAEMONS), stops())


class Ending(Test):
    def test_nothing_is_left_when_the_operation_fails(self):
        self.assertEqual([answer["verdict"] for answer in check("fails", services=DAEMONS)], ["fails"])
        self.nothing_is_left()

    def test_nothing_is_left_when_the_tool_is_killed(self):
        words = [TOOL, "check", LIBRARY, "sleeps", "--limit", "60"]
        for name in DAEMONS:
            words += ["--service", name]
        for stage in "root", "userns":
            with self.subTest(stage=stage):
                tool = subprocess.Popen([*words, "--stage", stage], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                wanted = {process for _, _, process in DAEMONS.values()} | {"behalf-service"}
                patience = time.monotonic() + 30
                while not wanted <= set(below(tool.pid)) and time.monotonic() < patience:
                    time.sleep(0.05)
                self.assertLessEqual(wanted, set(below(tool.pid)))
                tool.send_signal(signal.SIGKILL)
                tool.wait()
                self.nothing_is_left(within=5)

    def test_nothing_is_left_when_the_tool_is_killed_while_data_are_made(self):
        tool = subprocess.Popen([TOOL, "check", LIBRARY, "opens", "--service", "postgresql"], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        patience = time.monotonic() + 30
        while "initdb" not in below(tool.pid) and time.monotonic() < patience:
            time.sleep(0.005)
        self.assertIn("initdb", below(tool.pid))
        tool.send_signal(signal.SIGKILL)
        tool.wait()
        self.nothing_is_left(within=5)


class WhereItCannot(Test):
    def covered(self, program, script, mode):
        """The program is another for the time of the test: in a mount namespace of the test's own."""
        path = f"{FOLDER}/instead"
        with open(path, "w") as file:
            file.write(script)
        os.chmod(path, mode)
        must(libc.mount(path.encode(), program.encode(), None, MS_BIND, None))
        self.addCleanup(lambda: must(libc.umount2(program.encode(), 0)))
        self.note_what_is_there()

    def unclear(self, operation, service, says):
        [answer] = check(operation, services=[service])
        self.assertEqual(answer["verdict"], "unclear", answer)
        self.assertRegex(" ".join(answer["reasons"]), says)

    def test_one_that_is_not_installed_is_named_with_the_package_that_brings_it(self):
        self.covered("/usr/sbin/munged", "", 0o644)
        self.unclear("opens", "munge", r"^the daemon munge is not installed: as root, apt-get install .*\bmunge$")

    def test_one_that_does_not_start_says_why(self):
        self.covered("/usr/sbin/munged", "#!/bin/sh\necho no key today\nexit 1\n", 0o755)
        self.unclear("opens", "munge", "the daemon munge: did not start: no key today")
        self.nothing_is_left()

    def test_data_that_cannot_be_made_say_why(self):
        self.covered(INITDB, "#!/bin/sh\necho no room for a cluster >&2\nexit 1\n", 0o755)
        self.unclear("opens", "postgresql", "the daemon postgresql: no room for a cluster")
        self.nothing_is_left()

    def test_a_service_that_nobody_knows_is_refused(self):
        done = subprocess.run([TOOL, "check", LIBRARY, "opens", "--service", "mysql"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (64, ""))
        self.assertIn("mysql", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
