#!/usr/bin/env python3
"""examples/chain, as its reader meets it: three servers, built against an installed behalf, over real engines, asked by fifty users.

usage: chain_test.py BUILD_FOLDER SOURCE_FOLDER CXX     (as root; in a mount namespace of its own)

BEHALF_CHAIN_SECONDS: how long the stress lasts (4).
"""
import concurrent.futures
import contextlib
import http.client
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import engines
from engines import Engine, accepts
from example import IDS, build_example, make_accounts, run

BUILD, SOURCE, CXX = sys.argv[1:4]
SECONDS = float(os.environ.get("BEHALF_CHAIN_SECONDS", "4"))
USERS = {**IDS, **{f"user{number:02}": 4000 + number for number in range(48)}}
RIGHT = """front     {0}
queue     {0}
clerk     {0}
archive   {0}
folder    /home/{0}/.local/share/chain
file      {0}
database  {0}
It was {0} all the way.
"""


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


class Connection(http.client.HTTPConnection):
    """To a front end's socket: the front end takes it for whoever connects."""

    def __init__(self, path):
        super().__init__("here", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)

    def keep(self, line):
        self.request("POST", "/", body=line)
        answer = self.getresponse()
        return answer.status, answer.read().decode()


def as_user(uid, work):
    """The lines that work() returns, in a process that is the user."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(read)
            become(uid)
            with open(write, "w") as pipe:
                pipe.write("\n".join(work()))
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with open(read) as pipe:
        said = pipe.read()
    if os.waitpid(child, 0)[1] != 0:
        raise AssertionError(f"the client of {uid} failed")
    return said


def descriptors(engine):
    return len(os.listdir(f"/proc/{engine.process.pid}/fd"))


PART_OF = {"queue": "front", "blanket": "front", "client": "clerk", "bus": "clerk", "caller": "archive", "helper": "archive",
           "cache": "archive", "database": "archive"}


class Chain:
    """Three servers, of which the one that has the hop forgets it."""

    def __init__(self, test, forgets="none", clerk=(), front=(), elsewhere=None, clerk_more=()):
        self.elsewhere = elsewhere or {}
        self.folder = f"{test.folder}/{forgets}{len(os.listdir(test.folder))}"
        os.mkdir(self.folder, 0o755)
        bus = engines.start_bus(test, f"{self.folder}/bus", f"{SOURCE}/examples/chain/org.behalf.Archive.conf")
        self.socket = f"{self.folder}/front"
        clerk = clerk or ["--listen", f"unix:{self.folder}/clerk", "--office", f"{self.folder}/office"]
        front = front or ["--clerk", f"unix:{self.folder}/clerk", "--office", f"{self.folder}/office"]
        serves = {"archive": lambda: self.is_on_the_bus(bus), "clerk": lambda: self.clerk_serves(clerk),
                  "front": lambda: accepts(self.socket)}
        words = {"archive": ["--bus", bus, "--database", f"host={test.folder}/postgres dbname=postgres"],
                 "clerk": ["--bus", bus, *clerk, *clerk_more], "front": ["--socket", self.socket, *front]}
        self.log = open(f"{self.folder}/log", "w")
        self.part = {name: Engine(test, [*self.elsewhere.get(name, ()), test.program, name, *more,
                                         *(["--forget", forgets] if PART_OF.get(forgets) == name else [])], serves[name],
                                  stderr=self.log)
                     for name, more in words.items()}

    @staticmethod
    def is_on_the_bus(address):
        said = subprocess.run(["dbus-send", f"--bus={address}", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus.NameHasOwner", "string:org.behalf.Archive"], capture_output=True, text=True)
        return "boolean true" in said.stdout

    def clerk_serves(self, words):
        where = words[words.index("--listen") + 1]
        if where.startswith("unix:"):
            return accepts(where.removeprefix("unix:"))
        host, port = where.split(":")
        return subprocess.run([*self.elsewhere["clerk"], "bash", "-c", f"true < /dev/tcp/{host}/{port}"],
                              stderr=subprocess.DEVNULL).returncode == 0

    def ask(self, user, line="milk"):
        with contextlib.closing(Connection(self.socket)) as connection:
            return as_user(USERS[user], lambda: [connection.keep(line)[1]])

    def end(self):
        """In the order of the calls, so that none is cut. The statuses."""
        return [self.part[name].end() for name in ("front", "clerk", "archive")]


class Wave:
    """Sixty-four connections of fifty users, each its user's own process, for a while, and what becomes of their calls."""

    def __init__(self, chain, name, seconds):
        self.chain, self.name, self.seconds = chain, name, seconds
        self.right, self.wrong, self.refused, self.lines = 0, [], [], []
        self.lock = threading.Lock()
        clients = [threading.Thread(target=self.client, args=(user, number)) for number, user in enumerate([*USERS, *list(USERS)[:14]])]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    def client(self, user, number):
        said = as_user(USERS[user], lambda: self.calls(user, number))
        with self.lock:
            for line in said.splitlines():
                what, text = line.split(" ", 1)
                if what == "right":
                    self.right += 1
                    self.lines.append((user, text))
                elif what == "refused":
                    self.refused.append(text)
                else:
                    self.wrong.append(text)

    def calls(self, user, number):
        """As the user."""
        ends = time.monotonic() + self.seconds
        connection = Connection(self.chain.socket)
        for i in itertools.count():
            if time.monotonic() > ends:
                return connection.close()
            line = f"{user} {self.name} {number} {i}"
            try:
                status, answer = connection.keep(line)
            except (OSError, http.client.HTTPException):  # a server was killed
                connection.close()
                time.sleep(0.05)
                yield "refused -"
                continue
            if status == 200 and answer == RIGHT.format(user):
                yield f"right {line}"
            elif "<- not" in answer or status == 200 or "cannot write" in answer:
                yield f"wrong {answer!r}"
            else:
                yield f"refused {answer!r}"
                time.sleep(0.1)


def first_wrong(answer):
    """The first line of an answer that is not the user's."""
    for line in answer.splitlines():
        if "<- not" in line or line.startswith("refused"):
            return line
    return None


class A_chain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        cls.folder = folder.name
        cls.program = build_example("chain", folder.name, BUILD, SOURCE, CXX)
        make_accounts(folder.name, {**USERS, "engine": engines.ENGINE})
        with open(f"{SOURCE}/examples/chain/lines.sql") as file:
            cls.postgres = engines.start_postgres(cls, f"{cls.folder}/postgres", ["root", *USERS], file.read())

    def sql(self, text):
        return run("psql", "-h", f"{self.folder}/postgres", "-U", "postgres", "-d", "postgres", "-Atc", text).splitlines()

    def test_is_the_user_all_the_way(self):
        chain = Chain(self)
        for user in "alice", "bob", "alice":
            self.assertEqual(chain.ask(user, f"{user}'s milk"), RIGHT.format(user))
        for user in "alice", "bob":
            file = f"/home/{user}/.local/share/chain/lines"
            self.assertEqual((os.stat(file).st_uid, os.stat(file).st_mode & 0o777), (USERS[user], 0o600))
            with open(file) as lines:
                self.assertIn(f"{user}'s milk\n", lines.read())
        self.assertEqual(self.sql("SELECT DISTINCT owner FROM lines WHERE text LIKE '%milk' AND text NOT LIKE owner || '%'"), [])
        self.assertEqual(chain.end(), [0, 0, 0])

    def test_crosses_nobody_with_fifty_users_while_servers_are_killed(self):
        chain = Chain(self, clerk_more=["--good-for", "1"])
        ended = threading.Event()

        def kill():
            chance = random.Random(7)
            while not ended.wait(chance.uniform(1, 3)):
                victim = chance.choice([*chain.part.values(), self.postgres])
                if victim is self.postgres:
                    victim.process.send_signal(signal.SIGINT)  # at once, and without losing what it said that it has
                    victim.process.wait()
                else:
                    victim.kill()
                victim.start()

        killer = threading.Thread(target=kill)
        killer.start()
        stress = Wave(chain, "stress", SECONDS)
        ended.set()
        killer.join()
        self.assertEqual(stress.wrong, [])
        self.assertGreater(stress.right, 100)
        engines.wait_until(lambda: chain.ask("alice", "alice again") == RIGHT.format("alice"), "the chain")
        quiet = [Wave(chain, f"quiet{number}", 1) for number in range(2)]
        before = {name: descriptors(part) for name, part in chain.part.items()}
        quiet += [Wave(chain, "once more", 1)]
        for wave in quiet:
            self.assertEqual((wave.wrong, wave.refused[:3]), ([], []))
        for name, part in chain.part.items():
            self.assertLessEqual(descriptors(part), before[name] + 8, name)
        self.assertEqual(chain.end(), [0, 0, 0])
        # Each line that was said to be kept is, in the files and in the database, and nothing of anybody else's.
        kept = [line for wave in [stress, *quiet] for line in wave.lines]
        in_database = set(self.sql("SELECT owner || '|' || text FROM lines"))
        for user, uid in USERS.items():
            file = f"/home/{user}/.local/share/chain/lines"
            self.assertEqual(os.stat(file).st_uid, uid)
            with open(file) as lines:
                there = set(lines.read().splitlines())
            self.assertEqual([line for line in there if not line.startswith(user)], [])
            self.assertEqual([line for whose, line in kept if whose == user and line not in there], [])
        self.assertEqual([line for whose, line in kept if f"{whose}|{line}" not in in_database], [])
        self.assertEqual(self.sql("SELECT owner, text FROM lines WHERE text NOT LIKE owner || '%'"), [])
        print(f"{stress.right} right and {len(stress.refused)} refused in {SECONDS:.0f} s of killing, "
              f"{sum(wave.right for wave in quiet)} right in 3 s without", file=sys.stderr)

    def test_is_the_user_on_another_machine(self):
        """The front end on one, with a network and a MUNGE of its own, the clerk and the archive on the other."""
        folder = f"{self.folder}/machines"
        os.mkdir(folder, 0o755)
        machine = {}
        for name in "near", "far":
            holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
            self.addCleanup(lambda holder=holder: (holder.kill(), holder.wait()))
            machine[name] = holder.pid
        own = os.readlink("/proc/self/ns/net")
        engines.wait_until(lambda: own not in [os.readlink(f"/proc/{pid}/ns/net") for pid in machine.values()], "the networks")
        inside = {name: ["nsenter", f"--net=/proc/{pid}/ns/net", "--"] for name, pid in machine.items()}
        run(*inside["near"], "ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", str(machine["far"]))
        for name, address in ("near", "10.7.0.1/24"), ("far", "10.7.0.2/24"):
            run(*inside[name], "ip", "address", "add", address, "dev", "wire")
            for device in "wire", "lo":
                run(*inside[name], "ip", "link", "set", device, "up")
        munge = {name: engines.start_munged(type(self), f"{folder}/{name}", *inside[name]) for name in machine}
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=far",
            "-addext", "subjectAltName=IP:10.7.0.2", "-keyout", f"{folder}/key", "-out", f"{folder}/certificate")
        chain = Chain(self, clerk=["--listen", "10.7.0.2:7000", "--munge", munge["far"], "--certificate", f"{folder}/certificate", "--key",
                                   f"{folder}/key"],
                      front=["--clerk", "10.7.0.2:7000", "--munge", munge["near"], "--authority", f"{folder}/certificate"],
                      elsewhere={"front": inside["near"], "clerk": inside["far"], "archive": inside["far"]})
        for user in "alice", "bob", "alice":
            self.assertEqual(chain.ask(user, f"{user}'s bread"), RIGHT.format(user))
        self.assertEqual(chain.end(), [0, 0, 0])

    def test_does_not_leave_the_machine_in_the_clear(self):
        for part, words in {"clerk": ["--listen", "127.0.0.1:7000"], "front": ["--socket", f"{self.folder}/clear", "--clerk",
                                                                               "127.0.0.1:7000"]}.items():
            done = subprocess.run([self.program, part, *words, "--munge", f"{self.folder}/none"], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 64)
            self.assertIn("for TLS, too", done.stderr)

    # Where it shows first. Root is nobody's client, so what forgets its caller on the way is refused at the next door.
    SHOWS = {
        "queue": "queue     root",
        "blanket": "refused   the clerk: ",
        "client": "clerk     root",
        "bus": "refused   the archive: ",
        "caller": "archive   root",
        "helper": "refused   the archive: alice cannot write /root/.local/share/chain/lines",
        "cache": "refused   the archive: bob cannot write /home/alice/.local/share/chain/lines",
        "database": "database  root",
    }

    def test_forgets_all_by_one_hop(self):
        for hop, shows in self.SHOWS.items():
            with self.subTest(hop):
                chain = Chain(self, hop)
                answer = chain.ask("alice", "alice's wine")
                if hop == "cache":  # the first that asks is right
                    self.assertEqual(answer, RIGHT.format("alice"))
                    answer = chain.ask("bob", "bob's wine")
                self.assertIn("All your careful work has been for naught.", answer)
                self.assertTrue((first_wrong(answer) or "").startswith(shows), answer)
                self.assertEqual(chain.end(), [0, 0, 0])

    # The first finding: what it is, and where it says so: in the effect's stack, or in the hand-off's.
    NAMED = {
        "queue": ("lost", "B102", "handoff", "Front::keep"),
        "blanket": ("lost", "B501", "effect", "Front::keep"),
        "client": ("lost", "B502", "effect", "Clerk::pass_on"),
        "bus": ("lost", "B501", "effect", "Clerk::pass_on"),
        "caller": ("lost", "B502", "effect", "Archive::keep_for_caller"),
        "helper": ("denied", "B403", "effect", "Shelf::keep_in_file"),
        "cache": ("denied", "B401", "effect", "Shelf::keep_in_file"),
        "database": ("lost", "B501", "effect", "Shelf::keep_in_database"),
    }

    def check(self, hop):
        legs = ["--leg", "cold"] + (["--leg", "warm"] if hop in ("", "cache") else [])
        asked = subprocess.run([f"{BUILD}/bin/behalf", "check", f"{self.folder}/build/libchain_operations.so", "--service", "dbus",
                                "--service", "postgresql", "--setup", f'void forget("{hop}")', "keeps_a_line", *legs, "--format",
                                "json"], capture_output=True, text=True, timeout=120)
        if asked.returncode not in (0, 1, 2):
            raise AssertionError(asked.stderr)
        return json.loads(asked.stdout)["operations"][0]

    def test_is_checked_and_the_hop_that_forgot_is_named(self):
        with concurrent.futures.ThreadPoolExecutor(2) as two:
            asked = {hop: two.submit(self.check, hop) for hop in ["", *self.NAMED]}
        answer = asked.pop("").result()
        self.assertEqual((answer["verdict"], answer["findings"]), ("works", []))
        for hop, one in asked.items():
            with self.subTest(hop):
                first = one.result()["findings"][0]
                kind, code, where, function = self.NAMED[hop]
                stack = first["stack"] if where == "effect" else first["handoff"]["stack"]
                self.assertEqual((first["kind"], first["code"]), (kind, code))
                self.assertTrue(any(function in frame["function"] for frame in stack), stack)


if os.environ.get("BEHALF_TEST_NAMESPACE") != "own":
    if os.geteuid() != 0:
        print("needs root: a mount namespace with accounts of its own")
        sys.exit(77)
    if engines.missing():
        print("not installed: " + ", ".join(engines.missing()))
        sys.exit(77)
    os.environ["BEHALF_TEST_NAMESPACE"] = "own"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
unittest.main(argv=sys.argv[:1])
