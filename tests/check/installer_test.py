#!/usr/bin/env python3
"""examples/installer, as its reader meets it: built against an installed behalf, and asked by alice and bob.

usage: installer_test.py BUILD_FOLDER SOURCE_FOLDER CXX     (as root; in a mount namespace of its own)
"""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from example import IDS, build_example, make_accounts

BUILD, SOURCE, CXX = sys.argv[1:4]

# What a client does, in a process that is the user: sends PATH SIZE, then COUNT of the bytes from where the service
# wants them, says what it was told, and waits where it is to wait.
CLIENT = """
import socket, sys
path, size, count, waits = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "waits"
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall(f"{path}\\n{size}\\n".encode())
told = s.recv(400).decode()
if told.startswith("from "):
    start = int(told.split()[1])
    s.sendall(bytes(i % 251 for i in range(start, min(size, start + count))))
    if start + count >= size: told += s.recv(400).decode()
print(told, end="", flush=True)
if waits: sys.stdin.read(1)
"""


def content(size):
    return bytes(i % 251 for i in range(size))


class Installer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        program = build_example("installer", folder.name, BUILD, SOURCE, CXX)
        make_accounts(folder.name)
        cls.socket, cls.log = f"{folder.name}/socket", f"{folder.name}/log"
        service = subprocess.Popen([program, cls.socket, cls.log])
        cls.addClassCleanup(lambda: (service.kill(), service.wait()))
        for _ in range(1000):
            if os.path.exists(cls.socket):
                return
            time.sleep(0.01)
        raise AssertionError("the service did not start")

    def client(self, user, path, size, count=None, waits=False):
        number = IDS[user]
        return subprocess.Popen(["/usr/bin/python3", "-c", CLIENT, self.socket, path, str(size), str(size if count is None else count),
                                 "waits" if waits else ""], user=number, group=number, extra_groups=[], cwd="/", text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def told(self, *words, **more):
        return self.client(*words, **more).communicate(timeout=60)[0]

    def test_a_file_is_the_users_with_the_group_and_the_default_acl_of_its_folder(self):
        os.mkdir("/home/alice/project")
        os.chown("/home/alice/project", IDS["alice"], 3200)
        os.chmod("/home/alice/project", 0o2770)
        entries = [(1, 7, -1), (2, 6, IDS["bob"]), (4, 5, -1), (0x10, 7, -1), (0x20, 0, -1)]
        acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
        os.setxattr("/home/alice/project", "system.posix_acl_default", acl)
        self.assertEqual(self.told("alice", "/home/alice/project/plan", 100000), "from 0\ndone\n")
        made = os.stat("/home/alice/project/plan")
        self.assertEqual((made.st_uid, made.st_gid), (IDS["alice"], 3200))
        self.assertIn(struct.pack("<HHi", 2, 6, IDS["bob"]), os.getxattr("/home/alice/project/plan", "system.posix_acl_access"))
        with open("/home/alice/project/plan", "rb") as file:
            self.assertEqual(file.read(), content(100000))
        self.assertEqual(os.listdir("/home/alice/project"), ["plan"])

    def test_a_transfer_that_broke_off_goes_on_from_there(self):
        self.assertEqual(self.told("alice", "/home/alice/long", 300000, count=120000), "from 0\n")
        for _ in range(1000):
            if os.path.exists("/home/alice/.long.part") and os.stat("/home/alice/.long.part").st_size == 120000:
                break
            time.sleep(0.01)
        self.assertEqual(os.stat("/home/alice/.long.part").st_uid, IDS["alice"])
        self.assertFalse(os.path.exists("/home/alice/long"))
        time.sleep(0.05)  # until the service has seen the client go
        self.assertEqual(self.told("alice", "/home/alice/long", 300000), "from 120000\ndone\n")
        with open("/home/alice/long", "rb") as file:
            self.assertEqual(file.read(), content(300000))

    def test_what_a_user_may_not_write_is_not_written(self):
        self.assertRegex(self.told("alice", "/home/bob/x", 3), "^error .*Permission denied")
        self.assertRegex(self.told("alice", "/etc/x", 3), "^error .*Permission denied")
        os.symlink("/home/bob/y", "/home/alice/.y.part")
        self.assertRegex(self.told("alice", "/home/alice/y", 3), "^error ")
        os.mkfifo("/home/alice/.z.part")
        self.assertRegex(self.told("alice", "/home/alice/z", 3), "^error ")
        self.assertEqual(os.listdir("/home/bob"), [])
        self.assertRegex(self.told("alice", "x", 3), "^error the path is not absolute")

    def test_root_is_refused(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
            self.assertRegex(s.recv(400), b"^error .*uid 0")

    def test_a_user_who_says_nothing_does_not_keep_the_others_waiting(self):
        # In a process that is alice, which opens so many connections and says what the last two are told.
        silent = subprocess.Popen(["/usr/bin/python3", "-c", """
import socket, sys
all = []
for _ in range(14):
    all.append(socket.socket(socket.AF_UNIX)); all[-1].connect(sys.argv[1])
print(all[-2].recv(400).decode() + all[-1].recv(400).decode(), end="", flush=True)
sys.stdin.read(1)
""", self.socket], user=IDS["alice"], group=IDS["alice"], extra_groups=[], cwd="/", text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertRegex(silent.stdout.readline(), "^error too many at once")
        self.assertRegex(silent.stdout.readline(), "^error too many at once")
        self.assertEqual(self.told("bob", "/home/bob/meanwhile", 1000), "from 0\ndone\n")
        os.unlink("/home/bob/meanwhile")
        silent.communicate("x")
        for _ in range(1000):  # until the service has seen them go
            told = self.told("alice", "/home/alice/afterwards", 1000)
            if told == "from 0\ndone\n":
                break
        self.assertEqual(told, "from 0\ndone\n")

    def test_two_transfers_of_one_file_are_kept_apart(self):
        first = self.client("bob", "/home/bob/one", 100000, count=5, waits=True)
        self.assertEqual(first.stdout.readline(), "from 0\n")
        self.assertRegex(self.told("bob", "/home/bob/one", 100000), "^error another transfer of one")
        first.communicate("x")
        os.unlink("/home/bob/.one.part")

    def test_many_of_several_users_at_once_are_each_their_own(self):
        wrong = []

        def install(user, number):
            path = f"/home/{user}/many-{number}"
            told = self.told(user, path, 50000)
            if told != "from 0\ndone\n" or os.stat(path).st_uid != IDS[user]:
                wrong.append((path, told))

        threads = [threading.Thread(target=install, args=(user, number)) for number in range(12) for user in IDS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        for user in IDS:
            for number in range(12):
                os.unlink(f"/home/{user}/many-{number}")
        with open(self.log) as file:
            lines = file.read()
        self.assertIn("bob(3002): installed /home/bob/many-3\n", lines)
        self.assertEqual(os.stat(self.log).st_uid, 0)


if os.environ.get("BEHALF_TEST_NAMESPACE") != "own":
    if os.geteuid() != 0:
        print("needs root: a mount namespace with accounts of its own")
        sys.exit(77)
    os.environ["BEHALF_TEST_NAMESPACE"] = "own"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
unittest.main(argv=sys.argv[:1])
