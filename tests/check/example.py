"""What tests of examples have in common: an example built against an installed behalf, for alice and bob, who have accounts and homes
in the mount namespace that the test runs in.
"""
import os
import subprocess

IDS = {"alice": 3001, "bob": 3002}


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=200)
    if done.returncode != 0:
        raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def build_example(name, folder, build, source, compiler):
    """Installs behalf in the folder, and builds the example there, as somebody would who has it: FOLDER/build/NAME."""
    run("cmake", "--install", build, "--prefix", f"{folder}/prefix")
    run("cmake", "-S", f"{source}/examples/{name}", "-B", f"{folder}/build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={folder}/prefix",
        f"-DCMAKE_CXX_COMPILER={compiler}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
    run("cmake", "--build", f"{folder}/build")
    return f"{folder}/build/{name}"


def make_accounts(folder, users=IDS, **more):
    """Accounts and homes. `more`: a line for each user, {0} her name and {1} her number, of further files of /etc."""
    run("mount", "-t", "tmpfs", "none", "/home")
    for name, text in {"passwd": "{0}:x:{1}:{1}::/home/{0}:/bin/sh\n", "group": "{0}:x:{1}:\n", **more}.items():
        with open(f"/etc/{name}") as file:
            own = file.read() + "".join(text.format(*each) for each in users.items())
        with open(f"{folder}/{name}", "w") as file:
            file.write(own)
        run("mount", "--bind", f"{folder}/{name}", f"/etc/{name}")
    for user, number in users.items():
        os.mkdir(f"/home/{user}", 0o700)
        os.chown(f"/home/{user}", number, number)
