#!/usr/bin/env python3
"""`behalf run-as` beside what the machine has for it: su -, runuser -l, setpriv, and PAM's log-in.

Each runs the same probe for the same account, from a process that is as unlike a log-in as a service can be. What the
probes tell differently is what the table of docs/guide/run-as.md says differs, and nothing else is.

usage: run_as_test.py TOOL SOURCE_FOLDER
"""
import ctypes
import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import unittest

TOOL, SOURCE = map(os.path.abspath, sys.argv[1:3])
GUIDE = os.path.join(SOURCE, "docs/guide/run-as.md")
libc = ctypes.CDLL(None, use_errno=True)

ADD_KEY, KEYCTL = (217, 219) if os.uname().machine == "aarch64" else (248, 250)

PROBE = r"""
section() { echo; echo "== $1"; }
section env; env
section cwd; pwd -P
section status; cat /proc/self/status
section limits; cat /proc/self/limits
section descriptors; ls -l /proc/self/fd
section keys; cat /proc/keys
section session; perl -e 'printf "%08x\n", syscall(KEYCTL, 0, -3, 0)'
section stat; cat /proc/self/stat
section loginuid; cat /proc/self/loginuid
section oom; cat /proc/self/oom_score_adj
section cgroup; cat /proc/self/cgroup
section umask; umask
section end
""".replace("KEYCTL", str(KEYCTL))

ACCOUNTS = {
    "/etc/passwd": "alice:x:3001:3001::/home/alice:/bin/sh\nbob:x:3002:3002::/home/bob:/bin/sh\n",
    "/etc/group": "alice:x:3001:\nbob:x:3002:\ndevs:x:3100:alice\n",
    "/etc/shadow": "alice:*:19000:0:99999:7:::\nbob:*:19000:0:99999:7::19001:\n",
}


def checked(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, kind, flags, options=None):
    text = [None if word is None else word.encode() for word in (source, target, kind)]
    checked(libc.mount(*text, flags, None if options is None else options.encode()), f"mount {target}")


def move_in():
    """A mount namespace of this process's own, in which there are alice and bob, and homes for them: nothing is left."""
    MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
    checked(libc.unshare(0x20000), "unshare")
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("none", "/home", "tmpfs", 0, "mode=0755")
    for path, lines in ACCOUNTS.items():
        own = "/home/" + os.path.basename(path)
        with open(path) as before, open(own, "w") as after:
            kept = [line for line in before if not re.match("(alice|bob|devs):", line)]
            after.write("".join(kept) + lines)
        os.chmod(own, os.stat(path).st_mode & 0o777)
        mount(own, path, None, MS_BIND)
    # What this machine adds to a log-in is no business of the test's.
    for folder in ("/etc/profile.d", "/etc/security/limits.d"):
        if os.path.isdir(folder):
            mount("none", folder, "tmpfs", 0)
    for file in ("/etc/environment", "/etc/default/locale", "/etc/security/limits.conf", "/etc/security/pam_env.conf"):
        if os.path.exists(file):
            mount("/dev/null", file, None, MS_BIND)
    for name, uid in (("alice", 3001), ("bob", 3002)):
        os.mkdir("/home/" + name, 0o700)
        os.chown("/home/" + name, uid, uid)


def be_unlike_a_log_in():
    """What a service may have that a user's command must not get."""
    os.environ.update({"SECRET_OF_SERVICE": "1", "LC_ALL": "C", "KRB5CCNAME": "/root/tickets", "TERM": "dumb", "LANG": "C.UTF-8"})
    os.chdir("/root")
    os.umask(0o077)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGRTMIN])
    os.dup2(os.open("/etc/shadow", os.O_RDONLY), 77)
    os.set_inheritable(77, True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, 2048))
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("100")
    os.nice(1)
    checked(libc.syscall(KEYCTL, 1, None), "join a session keyring")
    checked(libc.syscall(ADD_KEY, b"user", b"secret-of-service", b"x", 1, -3), "add a key")


def sections(text):
    found, name = {}, None
    for line in text.replace("\r", "").splitlines():
        if line.startswith("== "):
            name = line[3:]
            found[name] = []
        elif name is not None and line:
            found[name].append(line)
    if "end" not in found:
        raise AssertionError(f"the probe did not come to its end: {text}")
    return found


def facts(text):
    """What the probe told, by the names of the guide's table."""
    said = sections(text)
    told = {"directory": said["cwd"][0], "umask": said["umask"][0], "loginuid": said["loginuid"][0], "oom_score_adj": said["oom"][0]}
    for line in said["env"]:
        name, _, value = line.partition("=")
        if name not in ("PWD", "OLDPWD", "_", "SHLVL"):  # the shell's own
            told["environment " + name] = value
    wanted = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "SigBlk", "SigIgn")
    for line in said["status"]:
        name, _, value = line.partition(":")
        if name in wanted:
            told[name] = " ".join(value.split())
    for line in said["limits"][1:]:
        told["limit " + line[:26].strip().removeprefix("Max ")] = " ".join(line[26:].split()[:2])
    told["descriptors"] = " ".join(sorted({m[1] for m in (re.search(r" (\d+) -> (?!/proc/)", line) for line in said["descriptors"]) if m}))
    owners = {line.split()[0]: line.split()[5] for line in said["keys"]}
    told["session keyring"] = "of " + owners.get(said["session"][0], "nobody known")
    told["keys of the service"] = "seen" if any("secret-of-service" in line for line in said["keys"]) else "not seen"
    told["user keyring"] = "seen" if any("_uid.3001" in line for line in said["keys"]) else "not seen"
    stat = said["stat"][0].rpartition(")")[2].split()
    told["session"] = "the caller's" if int(stat[3]) == os.getsid(0) else "its own"
    told["terminal"] = "none" if stat[4] == "0" else "one"
    told["nice value"] = stat[16]
    with open("/proc/self/cgroup") as file:
        told["cgroup"] = "the caller's" if said["cgroup"] == file.read().splitlines() else "its own"
    return told


def by_command(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, close_fds=False, restore_signals=False)
    return facts(done.stdout + done.stderr)


def by_log_in():
    """login(1) wants a terminal that it leads."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv("/bin/login", ["login", "-f", "alice"])
    text, sent = b"", False
    while select.select([terminal], [], [], 20)[0]:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        text += part
        if not sent and text.rstrip().endswith(b"$"):
            os.write(terminal, b"stty -echo; . /home/probe; exit\n")
            sent = True
    os.close(terminal)
    os.waitpid(pid, 0)
    return facts(text.decode())


OTHERS = {
    "su -": lambda: by_command("su", "-", "alice", "-c", ". /home/probe"),
    "runuser -l": lambda: by_command("runuser", "-l", "alice", "-c", ". /home/probe"),
    "setpriv": lambda: by_command("setpriv", "--reuid", "alice", "--regid", "alice", "--init-groups", "--inh-caps=-all",
                                  "--bounding-set=-all", "--reset-env", "/bin/sh", "-c", ". /home/probe"),
    "login": by_log_in,
}


def table():
    """What the guide says: (what, other) -> "same", "may differ" (by what the machine has), or what is different."""
    with open(GUIDE) as file:
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in file if line.startswith("| ")]
    head = next(row for row in rows if row[0] == "what")
    columns = {name.strip("`"): place for place, name in enumerate(head)}
    said = {}
    for row in rows[rows.index(head) + 1:]:
        for what in row[0].split(", "):
            for other in OTHERS:
                said[what.replace("`", ""), other] = row[columns[other]]
    return said


class Beside_what_the_machine_has(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open("/home/probe", "w") as file:
            file.write(PROBE)
        os.chmod("/home/probe", 0o644)
        cls.own = by_command(TOOL, "run-as", "alice", "/bin/sh", "-c", ". /home/probe")

    def test_the_differences_are_those_that_the_guide_lists_and_explains(self):
        listed = table()
        for other, run in OTHERS.items():
            theirs = run()
            told = {what for what, to in listed if to == other}
            for what in sorted(self.own.keys() | theirs.keys() | told):
                ours, its = self.own.get(what, "nothing"), theirs.get(what, "nothing")
                guide = listed.get((what, other), "same")
                with self.subTest(other=other, what=what):
                    if guide != "may differ":
                        self.assertEqual(ours == its, guide == "same",
                                         f"{what}: run-as has '{ours}', {other} has '{its}', the guide says '{guide}'")

    def test_nothing_of_the_service_s_is_there(self):
        own = self.own
        self.assertEqual(own["Uid"], "3001 3001 3001 3001")
        self.assertEqual(own["Gid"], "3001 3001 3001 3001")
        self.assertEqual(own["Groups"], "3001 3100")
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "SigBlk", "SigIgn"):
            self.assertEqual(int(own[name], 16), 0, name)
        self.assertEqual(own["descriptors"], "0 1 2")
        self.assertEqual(own["session keyring"], "of 3001")
        self.assertEqual(own["keys of the service"], "not seen")
        self.assertEqual(own["directory"], "/home/alice")
        self.assertNotIn("environment SECRET_OF_SERVICE", own)

    def test_the_probe_sees_what_a_child_of_the_service_has(self):
        child = by_command("/bin/sh", "-c", ". /home/probe")
        self.assertEqual(child["keys of the service"], "seen")
        self.assertIn("77", child["descriptors"])
        self.assertIn("environment SECRET_OF_SERVICE", child)
        self.assertNotEqual(int(child["SigIgn"], 16), 0)

    def test_a_session_of_pam_s_is_around_the_command(self):
        os.mkdir("/home/pam.d")
        with open(os.path.join(SOURCE, "packaging/pam.d/behalf")) as file, open("/home/pam.d/behalf", "w") as own:
            own.write(file.read() + "session required pam_umask.so umask=007\nsession required pam_exec.so /home/note\n")
        with open("/home/note", "w") as script, open("/home/limits", "w") as limits, open("/home/environment", "w") as variables:
            script.write("#!/bin/sh\necho $PAM_TYPE $PAM_USER >>/home/said\n")
            limits.write("alice hard nofile 99\nalice soft nofile 66\n")
            variables.write("FROM_PAM=yes\n")
        os.chmod("/home/note", 0o755)
        os.close(os.open("/home/said", os.O_CREAT))
        os.chmod("/home/said", 0o644)
        for own, path in (("/home/pam.d", "/etc/pam.d"), ("/home/limits", "/etc/security/limits.conf"), ("/home/environment", "/etc/environment")):
            mount(own, path, None, 4096)
            self.addCleanup(libc.umount2, path.encode(), 2)
        done = subprocess.run([TOOL, "run-as", "--pam", "--umask", "027", "alice", "sh", "-c", "ulimit -Sn; ulimit -Hn; echo $FROM_PAM $USER; umask; cat /home/said; exit 4"],
                              capture_output=True, text=True)
        if "built without" in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("66\n99\nyes alice\n0027\nopen_session alice\n", "", 4))
        masked = subprocess.run([TOOL, "run-as", "--pam", "alice", "sh", "-c", "umask"], capture_output=True, text=True)
        self.assertEqual(masked.stdout, "0007\n")
        with open("/home/said") as said:
            self.assertEqual(said.read(), "open_session alice\nclose_session alice\n" * 2)
        # bob's account has expired.
        done = subprocess.run([TOOL, "run-as", "--pam", "bob", "id"], capture_output=True, text=True)
        self.assertEqual((done.stdout, done.returncode), ("", 125))
        self.assertIn("expired", done.stderr)
        self.assertEqual(subprocess.run([TOOL, "run-as", "bob", "true"]).returncode, 0)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root: a mount namespace with accounts of its own")
        sys.exit(77)
    move_in()
    be_unlike_a_log_in()
    unittest.main(argv=sys.argv[:1], verbosity=1)
