#!/usr/bin/env python3
"""examples/files, as its reader meets it: built against an installed behalf, and asked by alice and bob.

usage: files_test.py BUILD_FOLDER SOURCE_FOLDER CXX     (as root; in a mount namespace of its own)
"""
import base64
import http.client
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from example import IDS, build_example, make_accounts, run

BUILD, SOURCE, CXX = sys.argv[1:4]
# crypt(5) of "sesame:7"
HASH = "$6$behalf$UU2Jn6jm8KEEZEN/cg4m3HHPrwNC9/AcjP6.thC5FgucNhJvOxUAYNAzPz0tzwiqDz/X.MqFn/4cdEmkkBrD40"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# What a client on the Unix socket does, in a process that is the user.
LOCAL = """
import http.client, socket, sys
connection = http.client.HTTPConnection("here")
connection.sock = socket.socket(socket.AF_UNIX); connection.sock.connect(sys.argv[1])
connection.request(sys.argv[2], sys.argv[3], body=sys.argv[4] or None)
answer = connection.getresponse()
print(answer.status, answer.read().decode(), end="")
"""


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        program = build_example("files", folder.name, BUILD, SOURCE, CXX)
        make_accounts(folder.name, shadow="{0}:" + HASH + ":19000:0:99999:7:::\n")
        run("mount", "-t", "tmpfs", "none", "/etc/pam.d")
        with open("/etc/pam.d/files", "w") as file:
            file.write("auth required pam_unix.so\naccount required pam_unix.so\n")
        os.makedirs("/home/tree/ours")
        os.chmod("/home/tree/ours", 0o1777)
        cls.program, cls.folder = program, folder.name
        cls.port, cls.shared, cls.socket, cls.log = free_port(), free_port(), f"{folder.name}/socket", f"{folder.name}/log"
        cls.start("--port", str(cls.port), "--log", cls.log, "--body", "2000000")
        cls.start("--port", str(cls.shared), "--root", "/home/tree")
        cls.start("--socket", cls.socket)
        for _ in range(1000):
            try:
                for port in cls.port, cls.shared:
                    socket.create_connection(("127.0.0.1", port)).close()
                if os.path.exists(cls.socket):
                    return
            except OSError:
                pass
            time.sleep(0.01)
        raise AssertionError("the gateway did not start")

    @classmethod
    def start(cls, *words):
        gateway = subprocess.Popen([cls.program, *words], umask=0o022)
        cls.addClassCleanup(lambda: (gateway.terminate(), gateway.wait(20)))
        return gateway

    def ask(self, user, method, path, body=None, connection=None, port=None, **fields):
        fields = {name.replace("_", "-"): value for name, value in fields.items()}
        if user:
            fields["Authorization"] = "Basic " + base64.b64encode(f"{user}:sesame:7".encode()).decode()
        own = connection or http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        own.request(method, path, body=body, headers=fields)
        answer = own.getresponse()
        answer.content = answer.read()
        if not connection:
            own.close()
        return answer

    def local(self, user, method, path, body=""):
        number = IDS.get(user, 0)
        return subprocess.run(["/usr/bin/python3", "-c", LOCAL, self.socket, method, path, body], user=number, group=number,
                              extra_groups=[], cwd="/", text=True, capture_output=True, timeout=60).stdout

    def make(self, user, name, content, mode=0o600):
        with open(f"/home/{user}/{name}", "wb") as file:
            file.write(content)
        os.chown(f"/home/{user}/{name}", IDS[user], IDS[user])
        os.chmod(f"/home/{user}/{name}", mode)

    def test_each_gets_her_own_files_on_one_connection_and_nobody_without_a_password(self):
        self.make("alice", "note", b"hers")
        self.make("bob", "note", b"his")
        one = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        for _ in range(20):
            self.assertEqual(self.ask("alice", "GET", "/note", connection=one).content, b"hers")
            self.assertEqual(self.ask("bob", "GET", "/note", connection=one).content, b"his")
        self.assertEqual(self.ask(None, "GET", "/note").status, 401)
        self.assertEqual(self.ask("root", "GET", "/note").status, 401)
        with open(self.log) as file:
            self.assertRegex(file.read(), r"refused 401 GET /note.*\(tried: root\)")

    def test_what_is_put_is_the_users_appears_whole_and_keeps_its_mode(self):
        self.assertEqual(self.ask("alice", "PUT", "/new", b"first").status, 201)
        made = os.stat("/home/alice/new")
        self.assertEqual((made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)), (IDS["alice"], IDS["alice"], 0o644))
        os.chmod("/home/alice/new", 0o640)
        held = open("/home/alice/new", "rb")
        self.addCleanup(held.close)
        large = os.urandom(1_500_000)
        answer = self.ask("alice", "PUT", "/new", large)
        self.assertEqual(answer.status, 204)
        self.assertEqual(held.read(), b"first")  # who has it open has the old one
        self.assertEqual(self.ask("alice", "GET", "/new").content, large)
        self.assertEqual(self.ask("alice", "GET", "/new").headers["ETag"], answer.headers["ETag"])
        self.assertEqual(stat.S_IMODE(os.stat("/home/alice/new").st_mode), 0o640)
        self.assertEqual(self.ask("alice", "PUT", "/new", bytes(2_000_001)).status, 413)
        self.assertEqual(self.ask("alice", "PUT", "/nowhere/new", b"x").status, 409)
        self.assertEqual([name for name in os.listdir("/home/alice") if name.startswith(".")], [])

    def test_what_the_kernel_refuses_is_refused(self):
        os.mkdir("/home/tree/alices", 0o755)
        os.chown("/home/tree/alices", IDS["alice"], IDS["alice"])
        ask = lambda *words, **more: self.ask(*words, port=self.shared, **more)
        self.assertEqual(ask("alice", "PUT", "/alices/f", b"hers").status, 201)
        os.chmod("/home/tree/alices/f", 0o600)
        self.assertEqual(ask("bob", "GET", "/alices/f").status, 403)
        self.assertEqual(ask("bob", "PUT", "/alices/f", b"x").status, 403)
        self.assertEqual(ask("bob", "PUT", "/alices/g", b"x").status, 403)
        self.assertEqual(ask("bob", "DELETE", "/alices/f").status, 403)
        self.assertEqual(ask("bob", "PUT", "/ours/f", b"his").status, 201)
        self.assertEqual(os.stat("/home/tree/ours/f").st_uid, IDS["bob"])
        self.assertEqual(ask("alice", "DELETE", "/ours/f").status, 403)  # the sticky bit
        # A file that she may replace but not write to is not replaced.
        os.chmod("/home/tree/alices/f", 0o400)
        self.assertEqual(ask("alice", "PUT", "/alices/f", b"x").status, 403)
        self.assertEqual(ask("alice", "GET", "/alices/f").content, b"hers")

    def test_nothing_leads_out_of_the_root(self):
        self.make("bob", "open", b"his", 0o644)
        os.chmod("/home/bob", 0o755)
        self.addCleanup(os.chmod, "/home/bob", 0o700)
        os.symlink("/home/bob/open", "/home/alice/absolute")
        os.symlink("../bob/open", "/home/alice/relative")
        os.symlink("..", "/home/alice/up")
        os.symlink("/proc/self/root/home/bob", "/home/alice/magic")
        for path in ("/../bob/open", "/%2e%2e/bob/open", "/..%2fbob/open", "/absolute", "/relative", "/up/bob/open", "/magic/open",
                     "/a/../../bob/open"):
            for method in "GET", "PUT", "DELETE":
                if method == "DELETE" and path in ("/absolute", "/relative"):
                    continue  # the link is hers to remove
                self.assertIn(self.ask("alice", method, path, b"x" if method == "PUT" else None).status, (403, 404, 409), (method, path))
        with open("/home/bob/open", "rb") as file:
            self.assertEqual(file.read(), b"his")
        for path in "/%", "/%zz", "/%00", "*":
            self.assertEqual(self.ask("alice", "GET", path).status, 400, path)
        self.assertEqual(self.ask("alice", "GET", "//bob.example/up").status, 404)

    def test_parts_and_conditions(self):
        self.make("alice", "long", bytes(range(256)) * 400)
        whole = self.ask("alice", "GET", "/long")
        self.assertEqual(whole.content, bytes(range(256)) * 400)
        tag, date = whole.headers["ETag"], whole.headers["Last-Modified"]
        for spec, first, last in ("bytes=0-9", 0, 9), ("bytes=100-", 100, 102399), ("bytes=-5", 102395, 102399), ("bytes=50000-999999", 50000, 102399):
            part = self.ask("alice", "GET", "/long", Range=spec)
            self.assertEqual((part.status, part.content), (206, whole.content[first:last + 1]), spec)
            self.assertEqual(part.headers["Content-Range"], f"bytes {first}-{last}/102400")
        self.assertEqual(self.ask("alice", "GET", "/long", Range="bytes=102400-").status, 416)
        for spec in "bytes=5-2", "bytes=0-1,5-6", "lines=1-2", "bytes=x-":
            self.assertEqual(self.ask("alice", "GET", "/long", Range=spec).status, 200, spec)
        self.assertEqual(self.ask("alice", "GET", "/long", Range="bytes=0-9", If_Range=tag).status, 206)
        self.assertEqual(self.ask("alice", "GET", "/long", Range="bytes=0-9", If_Range='"x"').status, 200)
        self.assertEqual(self.ask("alice", "GET", "/long", If_None_Match=f'"x", W/{tag}').status, 304)
        self.assertEqual(self.ask("alice", "GET", "/long", If_Modified_Since=date).status, 304)
        self.assertEqual(self.ask("alice", "GET", "/long", If_None_Match='"x"', If_Modified_Since=date).status, 200)
        self.assertEqual(self.ask("alice", "PUT", "/long", b"x", If_Match='"x"').status, 412)
        self.assertEqual(self.ask("alice", "PUT", "/long", b"x", If_None_Match="*").status, 412)
        self.assertEqual(self.ask("alice", "PUT", "/long", b"x", If_Match=tag).status, 204)
        self.assertEqual(self.ask("alice", "DELETE", "/long", If_Match=tag).status, 412)
        head = self.ask("alice", "HEAD", "/long")
        self.assertEqual((head.status, head.headers["Content-Length"], head.content), (200, "1", b""))
        self.assertEqual(self.ask("alice", "DELETE", "/long").status, 204)
        self.assertEqual(self.ask("alice", "GET", "/long").status, 404)
        self.assertEqual(self.ask("alice", "PATCH", "/long").status, 405)

    def test_a_folder_is_listed(self):
        os.mkdir("/home/bob/box")
        names = ["a<b>", "plain", 'q"uote', b"\xff\xfe", "grün"]
        for name in names:
            open(os.path.join(b"/home/bob/box", os.fsencode(name)), "w").close()
        os.mkdir("/home/bob/box/inner")
        run("chown", "-R", "bob:bob", "/home/bob/box")
        self.assertEqual(self.ask("bob", "GET", "/box").headers["Location"], "/box/")
        listed = json.loads(self.ask("bob", "GET", "/box/", Accept="application/json").content)
        self.assertEqual({entry["name"] for entry in listed}, {"a<b>", "plain", 'q"uote', "\ufffd\ufffd", "grün", "inner"})
        self.assertEqual([entry["type"] for entry in listed if entry["name"] == "inner"], ["folder"])
        for entry in listed:  # and what it links to is there
            self.assertEqual(self.ask("bob", "GET", "/box/" + entry["href"]).status, 200, entry)
        page = self.ask("bob", "GET", "/box/").content
        self.assertIn(b"a&lt;b&gt;</a>", page)
        self.assertEqual(self.ask("bob", "DELETE", "/box/").status, 409)
        self.assertEqual(self.ask("bob", "DELETE", "/box/inner/").status, 204)
        self.assertEqual(self.ask("bob", "PUT", "/box", b"x").status, 409)

    def test_a_pipe_or_a_device_holds_nobody_up(self):
        os.mkfifo("/home/alice/pipe")
        os.chown("/home/alice/pipe", IDS["alice"], IDS["alice"])
        self.assertEqual(self.ask("alice", "GET", "/pipe").status, 404)
        self.assertIn(self.ask("alice", "PUT", "/pipe", b"x").status, (409, 500))

    def test_on_the_unix_socket_a_user_is_who_connects(self):
        self.assertEqual(self.local("alice", "PUT", "/local", "mine")[:3], "201")
        self.assertEqual(os.stat("/home/alice/local").st_uid, IDS["alice"])
        self.assertEqual(self.local("alice", "GET", "/local"), "200 mine")
        self.assertEqual(self.local("bob", "GET", "/local")[:3], "404")
        self.assertEqual(self.local("root", "GET", "/local")[:3], "403")

    def test_many_at_once_are_each_their_own(self):
        wrong = []

        def work(user, number):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            other = "bob" if user == "alice" else "alice"
            for i in range(10):
                for who in user, other:
                    text = f"{who} {number} {i}".encode()
                    self.ask(who, "PUT", f"/many-{user}-{number}", text, connection=connection)
                    got = self.ask(who, "GET", f"/many-{user}-{number}", connection=connection)
                    if got.content != text or os.stat(f"/home/{who}/many-{user}-{number}").st_uid != IDS[who]:
                        wrong.append((who, number, i, got.status, got.content))

        threads = [threading.Thread(target=work, args=(user, number)) for number in range(6) for user in IDS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_it_ends_when_it_is_told_to(self):
        gateway = self.start("--socket", f"{self.folder}/other")
        for _ in range(1000):
            if os.path.exists(f"{self.folder}/other"):
                break
            time.sleep(0.01)
        time.sleep(0.1)
        gateway.terminate()
        self.assertEqual(gateway.wait(20), 0)


if os.environ.get("BEHALF_TEST_NAMESPACE") != "own":
    if os.geteuid() != 0:
        print("needs root: a mount namespace with accounts of its own")
        sys.exit(77)
    os.environ["BEHALF_TEST_NAMESPACE"] = "own"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
unittest.main(argv=sys.argv[:1])
