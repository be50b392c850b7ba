"""Real engines for tests of examples: programs of the machine's own, in a folder of the test's, that end with it."""
import glob
import os
import shutil
import signal
import socket
import subprocess
import time

# Whom engines run as, where they do not run as root: an account that nobody impersonates.
ENGINE = 3053

# As a machine's own: everybody may be there, and what else is allowed the policies say.
BUS = """<busconfig>
  <type>system</type><listen>unix:path={0}</listen><auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><deny own="*"/><deny send_type="method_call"/><allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
    <allow receive_sender="*"/><allow send_destination="org.freedesktop.DBus"/>
  </policy>
{1}
</busconfig>
"""


def missing():
    """What the machine has not got, of dbus-daemon, PostgreSQL and munged."""
    there = {"dbus-daemon": shutil.which("dbus-daemon"), "postgresql": glob.glob("/usr/lib/postgresql/*/bin/postgres"),
             "munge": shutil.which("munged")}
    return [name for name, found in there.items() if not found]


def accepts(path):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
            return True
        except OSError:
            return False


def wait_until(serves, what, process=None):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if serves():
            return
        if process and process.poll() is not None:
            raise AssertionError(f"{what} ended with {process.returncode}")
        time.sleep(0.01)
    raise AssertionError(f"{what} does not serve")


class Engine:
    """A program that serves until the test ends it, or is at its own end."""

    def __init__(self, test, words, serves, uid=None, stderr=None):
        self.words, self.serves, self.uid, self.stderr = words, serves, uid, stderr or subprocess.DEVNULL
        self.start()
        test.addClassCleanup(self.kill)

    def start(self):
        self.process = subprocess.Popen(self.words, user=self.uid, group=self.uid, extra_groups=[] if self.uid else None,
                                        umask=0o022, stderr=self.stderr)
        wait_until(self.serves, self.words[0], self.process)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def end(self):
        """As it is told to end. Returns its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def start_bus(test, folder, *policies):
    """With these files of policy. Returns its address."""
    os.mkdir(folder, 0o755)
    with open(f"{folder}/conf", "w") as file:
        file.write(BUS.format(f"{folder}/socket", "\n".join(f"  <include>{policy}</include>" for policy in policies)))
    Engine(test, ["dbus-daemon", f"--config-file={folder}/conf", "--nofork", "--nopidfile", "--nosyslog"],
           lambda: accepts(f"{folder}/socket"))
    return f"unix:path={folder}/socket"


def start_postgres(test, folder, roles, commands=""):
    """With these roles, for whom the kernel vouches. Returns its socket's folder."""
    bin_folder = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    os.mkdir(folder, 0o755)
    os.chown(folder, ENGINE, ENGINE)

    def run(*words, text=None):
        done = subprocess.run(words, user=ENGINE, group=ENGINE, extra_groups=[], input=text, capture_output=True, text=True, cwd=folder)
        if done.returncode != 0:
            raise AssertionError(f"{words}: {done.stdout}{done.stderr}")

    run(f"{bin_folder}/initdb", "-D", f"{folder}/cluster", "-U", "postgres", "-A", "peer", "--wal-segsize=1", "--no-sync",
        "--no-instructions", "-E", "UTF8", "--locale=C")
    # A command is a line of a single-user server's.
    lines = [f'CREATE ROLE "{role}" LOGIN;' for role in roles] + [" ".join(each.split()) + ";" for each in commands.split(";") if each.strip()]
    run(f"{bin_folder}/postgres", "--single", "-F", "-D", f"{folder}/cluster", "postgres", text="\n".join(lines) + "\n")
    with open(f"{folder}/cluster/pg_hba.conf", "w") as file:
        file.write("local all postgres peer map=admin\nlocal all all peer\n")
    with open(f"{folder}/cluster/pg_ident.conf", "w") as file:
        file.write("admin root postgres\n")
    def is_ready():
        try:
            with open(f"{folder}/cluster/postmaster.pid") as file:
                return "ready" in file.read()
        except OSError:
            return False

    return Engine(test, [f"{bin_folder}/postgres", "-D", f"{folder}/cluster", "-k", folder, "-h", "", "-F", "-N", "200", "-c",
                         "autovacuum=off", "-c", "jit=off", "-c", "log_min_messages=fatal"],
                  is_ready, ENGINE)


def start_munged(test, folder, *before):
    """With a key that is the same for each. `before`: the words of a command that runs it elsewhere. Returns its socket."""
    os.mkdir(folder, 0o755)
    with open(f"{folder}/key", "w") as file:
        file.write("the key of a test, which guards nothing and ends with it: 0123456789")
    os.chmod(f"{folder}/key", 0o600)
    Engine(test, [*before, "munged", "--foreground", f"--key-file={folder}/key", f"--socket={folder}/socket", f"--pid-file={folder}/pid",
                  f"--log-file={folder}/log", f"--seed-file={folder}/seed", "--num-threads=2", "--origin=127.0.0.1"],
           lambda: accepts(f"{folder}/socket"))
    return f"{folder}/socket"
