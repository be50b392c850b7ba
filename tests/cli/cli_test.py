#!/usr/bin/env python3
"""The command line: bad input gets one clear line and the right exit code, good input the report that was asked for.

usage: cli_test.py TOOL SOURCE_FOLDER
"""
import fcntl
import json
import os
import pty
import re
import resource
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

import jsonschema

TOOL, SOURCE = sys.argv[1:3]

OPERATIONS = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int reads_note(void) {
  static const char* const notes[] = {"/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt"};
  for (int i = 0; i < 3; ++i) {
    int fd = open(notes[i], O_RDONLY | O_CLOEXEC);
    char text[64];
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text);
    if (size > 0) fwrite(text, 1, size, stdout);
    if (fd >= 0) close(fd);
  }
  return 0;
}
int asks_the_real_id(void) { return access("/srv/root-only.txt", R_OK); }
int answers_differently(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int)now.tv_nsec;
}
int number;
static const char* pool;
void opens_pool(const char* name) { pool = name; printf("the pool %s is open\\n", name); }
void crashes_in_setup(void) { *(volatile int*)0 = 1; }
void hangs_in_setup(void) { for (;;) pause(); }
int needs_the_pool(void) { printf("the pool is %s\\n", pool ? pool : "not there"); return pool == 0; }
const char* says_home(void) { return getenv("HOME"); }
const char* says_nothing(void) { return 0; }
const char* says_what_nobody_can_read(void) { return (const char*)8; }
void returns_nothing(void) {}
unsigned long returns_a_large_number(void) { return ~0UL; }
signed char returns_a_small_one(void) { return -3; }
char* writes_into_its_argument(char* text) { text[0] = geteuid() == 0 ? 'r' : 'u'; return text; }
int chosen(void) { return 1; }
static int (*choose(void))(void) { return chosen; }
int by_ifunc(void) __attribute__((ifunc("choose")));
"""


def run(*words, **more):
    return subprocess.run([TOOL, *words], capture_output=True, text=True, timeout=120, **more)


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.library = cls.path("operations.so")
        with open(cls.path("operations.c"), "w") as file:
            file.write(OPERATIONS)
        subprocess.run(["cc", "-g", "-shared", "-fPIC", "-o", cls.library, cls.path("operations.c")], check=True)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)


class BadInput(Folder):
    def refused(self, code, says, *words, **more):
        done = run(*words, **more)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertRegex(done.stderr, says)

    def test_no_command(self):
        self.refused(64, "subcommand")

    def test_unknown_command(self):
        self.refused(64, "no subcommand 'inspect'.*--help", "inspect")
        self.refused(64, "no subcommand 'chekc': the nearest is check", "chekc", self.library, "reads_note")

    def test_a_limit_that_is_no_number(self):
        for option in ("--limit", "--settle"):
            self.refused(64, f"{option}: nan is no number", "check", self.library, "reads_note", option, "nan")

    def test_help_and_what_is_no_report_onto_a_full_disk(self):
        for words in (["--help"], ["check", "--help"], ["--version"], ["self-check"]):
            with open("/dev/full", "w") as full:
                done = subprocess.run([TOOL, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
            self.assertEqual(done.returncode, 69, words)
            self.assertRegex(done.stderr, "cannot write to standard output")

    def test_a_catalogue_that_was_not_built(self):
        prefix = self.path("prefix")
        for part in ("bin/behalf", "libexec/behalf/behalf-tool"):
            os.makedirs(os.path.dirname(f"{prefix}/{part}"))
            shutil.copy(os.path.join(os.path.dirname(TOOL), "..", part), f"{prefix}/{part}")
        os.makedirs(f"{prefix}/lib/behalf/catalogue")
        done = subprocess.run([f"{prefix}/bin/behalf", "survey"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("is empty: build or install behalf again", done.stderr)

    def test_without_proc_it_says_so(self):
        done = subprocess.run(["unshare", "-m", "sh", "-c", 'umount -l /proc && exec "$@"', "sh", TOOL, "self-check"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("Mount /proc", done.stderr)

    def test_few_descriptors(self):
        def few(number):
            return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))
        self.refused(69, "ulimit -n", "self-check", preexec_fn=few(16))
        done = run("check", self.library, "reads_note", *(word for posture in ("files", "effective", "full", "shielded") for word in ("--posture", posture)),
                   preexec_fn=few(32))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_unknown_option(self):
        self.refused(64, "--wrong", "survey", "--wrong")

    def test_no_operation(self):
        self.refused(64, "OPERATION", "check", self.library)

    def test_no_such_library_file(self):
        self.refused(64, "no library './missing.so'", "check", "./missing.so", "f")

    def test_no_such_library_name(self):
        self.refused(64, "ldconfig", "check", "libmissing-behalf.so.9", "f")

    def test_a_folder(self):
        self.refused(64, "directory", "check", self.folder.name, "f")

    def test_no_such_function_names_the_nearest(self):
        self.refused(64, "reads_note", "check", self.library, "read_note")

    def test_a_variable_is_no_function(self):
        self.refused(64, "no function 'number'", "check", self.library, "number")

    def test_a_cpp_name_says_extern_c(self):
        with open(self.path("mangled.cc"), "w") as file:
            file.write("int mangled() { return 0; }\n")
        subprocess.run(["c++", "-shared", "-fPIC", "-o", self.path("mangled.so"), self.path("mangled.cc")], check=True)
        self.refused(64, 'extern "C"', "check", self.path("mangled.so"), "mangled")

    def test_a_call_that_cannot_be_read_names_the_column(self):
        self.refused(64, r"column 12: the string has no end", "check", "libc.so.6", 'int access("/srv, 4)')

    def test_a_call_with_constants_says_to_write_numbers(self):
        self.refused(64, r"'R_OK' is no value.* as its number", "check", "libc.so.6", 'int access("/srv", R_OK)')

    def test_a_call_of_no_function(self):
        self.refused(64, "no function 'acess': the nearest are.* access", "check", "libc.so.6", 'int acess("/srv", 4)')

    def test_a_setup_call_of_no_function(self):
        self.refused(64, "no function 'open_pool'.* opens_pool", "check", self.library, "reads_note", "--setup", "open_pool")

    def test_one_bad_operation_of_several(self):
        self.refused(64, "no function 'read_notes'", "check", self.library, "reads_note", "read_notes")

    def test_not_an_elf_file(self):
        self.refused(64, "no ELF file", "check", self.path("operations.c"), "f")

    def test_an_empty_file(self):
        open(self.path("empty.so"), "w").close()
        self.refused(64, "not a shared object", "check", self.path("empty.so"), "f")

    def test_a_program_is_no_shared_object(self):
        self.refused(64, "a program, not a shared object", "check", "/bin/true", "main")

    def test_an_object_file_is_no_shared_object(self):
        subprocess.run(["cc", "-c", "-o", self.path("part.o"), self.path("operations.c")], check=True)
        self.refused(64, "object file", "check", self.path("part.o"), "reads_note")

    def test_another_architecture(self):
        with open(self.library, "rb") as file:
            content = bytearray(file.read())
        content[18:20] = struct.pack("<H", 243)  # e_machine: RISC-V
        with open(self.path("foreign.so"), "wb") as file:
            file.write(content)
        self.refused(64, "for RISC-V", "check", self.path("foreign.so"), "reads_note")

    def test_a_cut_off_library(self):
        with open(self.library, "rb") as whole, open(self.path("cut.so"), "wb") as cut:
            cut.write(whole.read(200))
        done = run("check", self.path("cut.so"), "reads_note")
        self.assertEqual(done.returncode, 64)

    def test_unknown_posture(self):
        self.refused(64, "posture", "check", self.library, "reads_note", "--posture", "sideways")

    def test_unknown_leg(self):
        self.refused(64, "leg", "check", self.library, "reads_note", "--leg", "third")

    def test_unknown_format(self):
        self.refused(64, "format", "survey", "--format", "pdf")

    def test_unknown_family_names_the_known(self):
        self.refused(64, "threads", "survey", "thread_pools")

    def test_a_report_into_a_missing_folder(self):
        self.refused(64, "No such file", "check", self.library, "reads_note", "-o", self.path("missing/report"))

    def test_a_report_onto_a_full_disk(self):
        self.refused(69, "No space left", "check", self.library, "reads_note", "--leg", "cold", "-o", "/dev/full")

    def test_a_report_onto_a_read_only_file_system(self):
        script = 'mount -t tmpfs -o ro none "$1" && shift && exec "$@"'
        os.mkdir(self.path("read-only"))
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", self.path("read-only"), TOOL, "check", self.library,
                               "reads_note", "-o", self.path("read-only/report")], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("Read-only file system", done.stderr)

    def test_closed_standard_output(self):
        done = subprocess.run(["sh", "-c", f'exec "{TOOL}" check "{self.library}" reads_note >&-'], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 69)
        self.assertIn("standard output is closed", done.stderr)

    def test_a_reader_that_went_away(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([TOOL, "check", self.library, "reads_note", "--leg", "cold"], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
        os.close(writer)
        self.assertEqual(done.returncode, 69)
        self.assertIn("Broken pipe", done.stderr)

    def test_a_library_that_only_its_owner_can_read(self):
        subprocess.run(["cp", self.library, self.path("private.so")], check=True)
        os.chmod(self.path("private.so"), 0o700)
        self.refused(64, "chmod a\\+r", "check", self.path("private.so"), "reads_note")

    def test_without_root_it_says_what_is_needed(self):
        def nobody():
            os.setgid(65534)
            os.setuid(65534)
        os.chmod(self.folder.name, 0o755)
        self.refused(69, "sudo", "check", self.library, "reads_note", preexec_fn=nobody)

    def test_without_namespaces_it_says_what_is_needed(self):
        drop = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-all"]
        done = subprocess.run([*drop, TOOL, "check", self.library, "reads_note"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertRegex(done.stderr, "namespace .*Operation not permitted")

    def test_a_library_with_a_missing_dependency_is_unclear_and_says_why(self):
        subprocess.run(["cc", "-shared", "-fPIC", "-Wl,-soname,libgone.so", "-o", self.path("libgone.so"), self.path("operations.c")], check=True)
        with open(self.path("needs.c"), "w") as file:
            file.write("int reads_note(void); int needy(void) { return reads_note(); }\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.path("needs.so"), self.path("needs.c"), "-L", self.folder.name, "-lgone"], check=True)
        os.remove(self.path("libgone.so"))
        done = run("check", self.path("needs.so"), "needy", "--leg", "cold")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("libgone.so", done.stdout)

    def test_a_library_that_ends_the_process_that_loads_it_is_unclear_and_says_how(self):
        for code, how in (("_exit(3)", "the process exited with 3"), ("abort()", "killed by signal 6"),
                          ('if (system("exit 4") >= 0) _exit(5)', "the process exited with 5")):
            with open(self.path("ends.c"), "w") as file:
                file.write("#include <stdlib.h>\n#include <unistd.h>\n"
                           f"__attribute__((constructor)) static void begin(void) {{ {code}; }}\nint ends(void) {{ return 0; }}\n")
            subprocess.run(["cc", "-shared", "-fPIC", "-o", self.path("ends.so"), self.path("ends.c")], check=True)
            done = run("check", self.path("ends.so"), "ends", "--leg", "cold", "--format", "json")
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn(f"the library could not be loaded: {how}", done.stdout)


class GoodInput(Folder):
    def test_works_is_0(self):
        done = run("check", self.library, "reads_note")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("works when impersonating", done.stdout)
        self.assertIn("self-check passed", done.stdout)

    def test_fails_is_1_and_the_line_is_named(self):
        done = run("check", self.library, "asks_the_real_id", "--posture", "effective")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"SUMMARY: behalf: lost B601 real-id .*operations\.c:\d+")

    def test_a_file_compiled_by_a_relative_name_is_named_whole(self):
        subprocess.run(["cc", "-g", "-shared", "-fPIC", "-o", "relative.so",
                        f"../{os.path.basename(self.folder.name)}/operations.c"], check=True, cwd=self.folder.name)
        done = run("check", self.path("relative.so"), "asks_the_real_id", "--posture", "effective")
        self.assertIn(f"{self.folder.name}/operations.c:", done.stdout)

    def test_a_library_as_clang_makes_it_has_its_lines(self):
        # Debugging information without the table of addresses that GCC adds.
        without = self.path("without_table.so")
        subprocess.run(["objcopy", "--remove-section=.debug_aranges", self.library, without], check=True)
        done = run("check", without, "asks_the_real_id", "--posture", "effective", "--leg", "cold")
        self.assertRegex(done.stdout, r"SUMMARY: behalf: lost B601 real-id .*operations\.c:\d+")

    def test_a_library_may_have_any_name(self):
        shutil.copy(self.library, self.path("plugin.of mine"))
        done = run("check", self.path("plugin.of mine"), "reads_note", "--leg", "cold")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_name_of_a_file_is_no_line_of_the_report(self):
        done = run("check", "libc.so.6", r'int creat("/srv/inbox/a\nSUMMARY: behalf: works", 384)', "--leg", "after-bob")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(re.findall("(?m)^SUMMARY: behalf: ([a-z]+)", done.stdout), ["denied"], done.stdout)

    def test_unclear_is_2(self):
        done = run("check", self.library, "answers_differently", "--leg", "cold")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("do not agree", done.stdout)

    def test_the_operation_may_be_written_as_a_declaration(self):
        done = run("check", self.library, "int reads_note(void)", "--leg", "cold")
        self.assertEqual(done.returncode, 0, done.stderr)

    def outcome(self, *operations, legs=("cold",)):
        done = run("check", *operations, "--format", "json", *(word for leg in legs for word in ("--leg", leg)))
        self.assertIn(done.returncode, (0, 1, 2), done.stderr)
        with open(f"{SOURCE}/tool/report/behalf-1.schema.json") as schema:
            jsonschema.validate(json.loads(done.stdout), json.load(schema))
        return done.returncode, json.loads(done.stdout)["operations"]

    def test_a_call_of_any_function_of_any_library(self):
        code, (home, access) = self.outcome("libc.so.6", 'char const* getenv("HOME")', 'int access("/srv/root-only.txt", 4)')
        self.assertEqual(code, 1)
        self.assertEqual(home["name"], 'getenv("HOME")')
        self.assertEqual(home["findings"][0]["expected"]["outcome"], 'returned "/home/alice"')
        self.assertEqual(home["findings"][0]["got"]["outcome"], 'returned "/root"')
        self.assertEqual((access["name"], access["verdict"]), ('access("/srv/root-only.txt", 4)', "works"))

    def test_every_kind_of_answer_is_the_same_in_all_legs_where_it_does_not_depend_on_identity(self):
        operations = ["const char *says_nothing(void)", "const char *says_what_nobody_can_read(void)", "void returns_nothing(void)",
                      "unsigned long returns_a_large_number(void)", "signed char returns_a_small_one(void)", "by_ifunc"]
        code, answers = self.outcome(self.library, *operations, legs=("cold", "concurrent"))
        self.assertEqual({o["name"]: o["verdict"] for o in answers},
                         {re.search(r"(\w+)(\(void\))?$", o)[1]: "works" for o in operations})
        self.assertEqual(code, 0)

    def test_a_returned_string_is_compared_in_the_concurrent_leg_too(self):
        code, (home,) = self.outcome(self.library, "const char *says_home(void)", legs=("concurrent",))
        self.assertEqual((code, home["findings"][0]["got"]["user"]), (1, "root"))

    def test_variable_arguments(self):
        code, (printed,) = self.outcome("libc.so.6", r'int printf("%s %d\n", ..., "x", -5)', legs=("cold", "warm"))
        self.assertEqual(printed["verdict"], "works", printed)

    def test_several_operations_make_one_report_and_the_worst_is_the_exit_code(self):
        operations = ["reads_note", "answers_differently", "const char *says_home(void)"]
        code, answers = self.outcome(self.library, *operations)
        self.assertEqual([o["verdict"] for o in answers], ["works", "unclear", "fails"])
        self.assertEqual(code, 1)
        self.assertEqual(self.outcome(self.library, *operations[:2])[0], 2)

    def test_several_operations_in_every_format(self):
        for form in ("text", "sarif", "html", "perfetto"):
            done = subprocess.run([TOOL, "check", self.library, "reads_note", 'char *writes_into_its_argument("<b>")', "says_home",
                                   "--leg", "cold", "--format", form], capture_output=True, timeout=120)
            self.assertIn(done.returncode, (1, 2), done.stderr)
            text = done.stdout.decode(errors="replace")
            if form == "sarif":
                self.assertTrue(json.loads(text)["runs"][0]["tool"])
            else:
                for name in ("reads_note", "writes_into_its_argument"):
                    self.assertIn(name, text, form)
            if form == "html":
                self.assertNotIn("<b>", text)

    def test_setup_calls_are_made_once_before_and_their_output_is_no_answer(self):
        code, (answer,) = self.outcome(self.library, "needs_the_pool", "--setup", 'void opens_pool("a")', "--setup",
                                       'void opens_pool("b")', legs=("cold", "concurrent", "after-bob"))
        self.assertEqual((code, answer["verdict"]), (0, "works"), answer)
        done = run("check", self.library, "needs_the_pool", "--before", 'void opens_pool("c")', "--leg", "cold", "-v")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_setup_call_that_crashes_is_unclear_and_says_so(self):
        code, (answer,) = self.outcome(self.library, "reads_note", "--setup", "void crashes_in_setup(void)")
        self.assertEqual((code, answer["verdict"], answer["findings"]), (2, "unclear", []))
        self.assertRegex(answer["reasons"][0], r"set-up call 'void crashes_in_setup\(void\)': killed by signal 11")

    def test_a_setup_call_that_hangs_is_unclear_and_says_so(self):
        code, (answer,) = self.outcome(self.library, "reads_note", "--setup", "void hangs_in_setup(void)", "--limit", "1")
        self.assertEqual((code, answer["verdict"], answer["findings"]), (2, "unclear", []))
        self.assertRegex(answer["reasons"][0], r"set-up call 'void hangs_in_setup\(void\)': did not return within 1 s")

    def test_json_keeps_the_schema_and_only_the_legs_that_were_asked_for(self):
        report = self.path("report.json")
        done = run("check", self.library, "asks_the_real_id", "--posture", "full", "--posture", "effective", "--leg", "cold", "--leg", "warm",
                   "--format", "json", "-o", report)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", ""))
        with open(report) as file, open(f"{SOURCE}/tool/report/behalf-1.schema.json") as schema:
            document = json.load(file)
            jsonschema.validate(document, json.load(schema))
        self.assertEqual([o["verdict"] for o in document["operations"]], ["works", "fails"])
        self.assertEqual([leg["name"] for leg in document["operations"][0]["legs"]], ["cold", "warm"])

    def test_a_shorter_report_leaves_nothing_of_a_longer_one(self):
        report = self.path("again.json")
        with open(report, "w") as file:
            file.write("x" * 1_000_000)
        run("check", self.library, "reads_note", "--leg", "cold", "--format", "json", "-o", report)
        with open(report) as file:
            json.load(file)

    def test_no_colour_but_on_a_terminal(self):
        self.assertNotIn("\033", run("check", self.library, "reads_note", "--leg", "cold").stdout)

    def on_a_terminal(self, environment):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(TOOL, [TOOL, "check", self.library, "reads_note", "--leg", "cold"], environment)
        text = b""
        try:
            while piece := os.read(terminal, 4096):
                text += piece
        except OSError:
            pass
        os.waitpid(pid, 0)
        os.close(terminal)
        return text.decode()

    def test_colour_and_progress_on_a_terminal(self):
        text = self.on_a_terminal(dict(os.environ))
        self.assertIn("\033[32m", text)
        self.assertRegex(text, r"\[#+\.*\] \d+/\d+ legs")

    def test_no_color_is_respected(self):
        self.assertNotIn("\033[32m", self.on_a_terminal({**os.environ, "NO_COLOR": "1"}))

    def test_help_has_examples_and_exit_codes(self):
        for words in (["survey"], ["check"], ["run-as"]):
            done = run(*words, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, r"(?s)Examples:.*Exit status:")

    def test_version(self):
        self.assertRegex(run("--version").stdout, r"^behalf \d+\.\d+\.\d+$")

    def test_a_library_below_a_folder_that_the_stage_hides(self):
        with tempfile.TemporaryDirectory(dir="/root") as hidden:
            os.chmod(hidden, 0o755)
            subprocess.run(["cp", self.library, hidden], check=True)
            self.assertEqual(run("check", f"{hidden}/operations.so", "reads_note", "--leg", "cold").returncode, 0)


def shell_with_job(words):
    """What a shell with job control does: says when its job is stopped, and goes on with it when a line is typed. Does not return."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(words[0], words)
    while True:
        status = os.waitpid(job, os.WUNTRACED)[1]
        os.tcsetpgrp(0, os.getpgrp())
        if not os.WIFSTOPPED(status):
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        os.write(1, b"stopped\n")
        os.read(0, 80)
        os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)


class A_command_as_a_user(unittest.TestCase):
    """As daemon, whom every machine has. What the command then is, tests/run_as looks at."""

    def run_as(self, *words, **more):
        return run("run-as", *words, **more)

    def test_it_is_all_of_the_user(self):
        done = self.run_as("daemon", "--", "id")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "uid=1(daemon) gid=1(daemon) groups=1(daemon)\n", ""))

    def test_its_end_is_the_tool_s(self):
        self.assertEqual(self.run_as("daemon", "sh", "-c", "exit 7").returncode, 7)
        # As a shell has it, whether the tool was in between or has become the command.
        killed = f"{shlex.quote(TOOL)} run-as daemon sh -c 'kill -9 $$'; exit $?"
        self.assertEqual(subprocess.run(["sh", "-c", killed], stderr=subprocess.DEVNULL).returncode, 128 + 9)
        self.assertEqual(self.run_as("--timeout", "60", "daemon", "sh", "-c", "kill -9 $$").returncode, 128 + 9)

    def test_it_becomes_the_command_where_it_has_nothing_left_to_do(self):
        words = [TOOL, "run-as", "daemon", "sh", "-c", "echo $$"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as tool:
            self.assertEqual(tool.stdout.read(), f"{tool.pid}\n")
        # It waits for its end where it has: here for the time.
        with subprocess.Popen(words[:2] + ["--timeout", "60"] + words[2:], stdout=subprocess.PIPE, text=True, start_new_session=True) as tool:
            self.assertNotEqual(tool.stdout.read(), f"{tool.pid}\n")

    def test_all_that_follows_the_user_is_the_command_s(self):
        for words in (["daemon", "printf", "%s.", "--help", "--", "--umask"], ["--umask", "077", "daemon", "--", "printf", "%s.", "--help", "--", "--umask"]):
            self.assertEqual(self.run_as(*words).stdout, "--help.--.--umask.")

    def test_options(self):
        done = self.run_as("--directory=/tmp", "--env", "A=b c", "--env", "HOME=/x", "--umask", "027", "daemon", "sh", "-c", "pwd; echo $A $HOME; umask")
        self.assertEqual(done.stdout, "/tmp\nb c /x\n0027\n")
        status = self.run_as("--no-new-privileges", "--keep-bounding-set", "daemon", "grep", "-E", "NoNewPrivs|CapBnd", "/proc/self/status").stdout
        self.assertRegex(status, r"CapBnd:\s+0*[1-9a-f]")
        self.assertRegex(status, r"NoNewPrivs:\s+1")

    def test_input_goes_in_and_nothing_is_held_back(self):
        self.assertEqual(self.run_as("daemon", "cat", input="hello").stdout, "hello")

    def test_what_cannot_be_run_has_the_exit_codes_of_env(self):
        for words, code, said in ((["daemon", "no-such-program"], 127, "no-such-program"), (["daemon", "/etc/passwd"], 126, "/etc/passwd"),
                                  (["no-such-user", "id"], 125, "no-such-user"), (["root", "id"], 125, "uid 0"),
                                  (["--directory", "/root", "daemon", "id"], 125, "/root"),
                                  (["--directory", "/none", "daemon", "id"], 125, "--directory"), (["--env", "A", "daemon", "id"], 125, "NAME=value"),
                                  (["daemon"], 64, "COMMAND"), (["--umask", "9", "daemon", "id"], 64, "umask")):
            done = self.run_as(*words)
            self.assertEqual((done.returncode, done.stdout), (code, ""), words)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(said, done.stderr)

    def test_it_ends_when_its_time_is_up_with_all_of_its_group(self):
        done = self.run_as("--timeout", "0.2", "daemon", "sh", "-c", "sleep 60 & wait")
        self.assertEqual(done.returncode, 124)

    def test_signals_are_sent_on(self):
        with subprocess.Popen([TOOL, "run-as", "daemon", "sh", "-c", "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.05; done"],
                              stdout=subprocess.PIPE, text=True) as tool:
            self.assertEqual(tool.stdout.readline(), "ready\n")
            tool.terminate()
            self.assertEqual(tool.stdout.read(), "asked\n")
        self.assertEqual(tool.returncode, 3)

    def test_a_signal_that_the_caller_ignores_is_not_sent_on(self):
        """As nohup(1) starts it."""
        command = "trap 'echo hung up' HUP; trap 'echo asked' USR1; echo ready; while ! read word; do :; done; echo $word"
        ignoring = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", TOOL, "run-as", "--timeout", "60", "daemon", "sh", "-c", command]
        with subprocess.Popen(ignoring, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tool:
            self.assertEqual(tool.stdout.readline(), "ready\n")
            tool.send_signal(signal.SIGHUP)
            tool.send_signal(signal.SIGUSR1)
            self.assertEqual(tool.stdout.readline(), "asked\n")
            self.assertEqual(tool.communicate("on\n")[0], "on\n")
            self.assertEqual(tool.returncode, 0)

    def on_terminal(self, job, *words):
        """The tool, or a shell whose job it is, on a terminal that is given, too, once the command has said its number and that it is ready."""
        pid, terminal = pty.fork()
        if pid == 0:
            if not job:
                os.execv(TOOL, [TOOL, *words])
            shell_with_job([TOOL, *words])
        self.addCleanup(os.close, terminal)
        return pid, terminal, int(re.search(rb"\d+", self.read_to(terminal, b"ready"))[0])

    def read_to(self, terminal, wanted):
        text = b""
        while wanted not in text:
            self.assertTrue(select.select([terminal], [], [], 20)[0], f"{wanted} was not said, but {text}")
            text += os.read(terminal, 4096)
        return text

    def test_the_size_of_the_terminal_is_told(self):
        for option, said in (([], b"resized"), (["--pty"], b"resized 33")):
            command = "trap 'echo resized $(stty size </dev/tty)' WINCH; echo $$ ready; while :; do sleep 0.05; done"
            pid, terminal, _ = self.on_terminal(False, "run-as", *option, "daemon", "sh", "-c", command)
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
            self.read_to(terminal, said)
            os.write(terminal, b"\x03")
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 130)

    def test_it_stops_and_goes_on_with_the_command(self):
        def stat(pid):
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rpartition(")")[2].split()

        def comes_to_be(wanted):
            until = time.monotonic() + 20
            while not wanted() and time.monotonic() < until:
                time.sleep(0.02)
            return wanted()

        # With a terminal of its own, what is typed is the command's; the tool is stopped by others, and leaves theirs as it was.
        for option in ([], ["--pty"]):
            shell, terminal, command = self.on_terminal(True, "run-as", *option, "daemon", "sh", "-c", "echo $$ ready; exec sleep 60")

            def is_raw():
                return not termios.tcgetattr(terminal)[3] & termios.ICANON

            self.assertEqual(is_raw(), bool(option))
            if option:
                os.kill(int(stat(command)[1]), signal.SIGTSTP)
            else:
                os.write(terminal, b"\x1a")
            self.read_to(terminal, b"stopped")
            self.assertFalse(is_raw())
            self.assertTrue(comes_to_be(lambda: stat(command)[0] == "T"))
            os.write(terminal, b"\n")
            self.assertTrue(comes_to_be(lambda: stat(command)[0] != "T" and is_raw() == bool(option)))
            os.write(terminal, b"\x03")
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(shell, 0)[1]), 130)

    def test_a_terminal_of_its_own(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(TOOL, [TOOL, "run-as", "--pty", "daemon", "sh", "-c", "stat -Lc %U /proc/self/fd/0; read word; echo got $word >/dev/tty; exit 5"])
        text = b""
        while True:
            try:
                part = os.read(terminal, 4096)
            except OSError:
                break
            if not part:
                break
            text += part
            if b"daemon" in text and b"got" not in text and b"typed" not in text:
                os.write(terminal, b"typed\r")
        os.close(terminal)
        self.assertIn(b"got typed", text)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 5)

    def test_without_root_it_says_what_is_needed(self):
        done = subprocess.run(["setpriv", "--reuid", "1", "--clear-groups", TOOL, "run-as", "games", "id"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 125)
        self.assertIn("CAP_SETUID", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
