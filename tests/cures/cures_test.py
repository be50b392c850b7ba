#!/usr/bin/env python3
"""The cure pages: their form, their code, the rows they name; and `behalf explain`, which shows them.

usage: cures_test.py TOOL SOURCE_FOLDER COMPILER
"""
import concurrent.futures
import glob
import os
import pty
import re
import subprocess
import sys
import tempfile
import unittest

TOOL, SOURCE, COMPILER = sys.argv[1:4]
SECTIONS = ["What happens", "Why", "How to see it", "The cure", "When to ignore it"]
HEAD = re.compile(r"---\ncode:  (?P<code>B\d{3})\ntitle: (?P<title>.+)\nhop:   (?P<hop>\S+)\nkind:  (?P<kind>\S+)\ncure:  (?P<cure>.+)\n---\n\n")
HOPS = """any call thread queue callback coroutine async-io timer message connection rpc child cache environment process-state
descriptor real-id broadcast""".split()
KINDS = "any lost leaked blunted lingering broadcast altered wrong-answer denied crashed".split()
# Codes are stable: these are out in the world.
KNOWN = """B001 B101 B102 B103 B104 B105 B201 B301 B401 B402 B403 B404 B501 B502 B503 B601 B701 B702 B901""".split()


def pages():
    for path in sorted(glob.glob(f"{SOURCE}/docs/cures/*.md")):
        with open(path) as file:
            yield os.path.basename(path), file.read()


def rows():
    found = {}
    for path in glob.glob(f"{SOURCE}/catalogue/*/*.cc"):
        with open(path) as file:
            hop = re.search(r"^hop:\s+(\S+)$", file.read(), re.M)
        found[os.path.basename(path)[:-3]] = hop and hop[1]
    return found


def section(text, name):
    return text.split(f"\n## {name}\n\n", 1)[1].split("\n## ", 1)[0]


def explain(*words, **more):
    return subprocess.run([TOOL, "explain", *words], capture_output=True, text=True, timeout=60, **more)


class Pages(unittest.TestCase):
    def test_no_code_has_gone(self):
        self.assertLessEqual(set(KNOWN), {name[:-3] for name, _ in pages()})

    def test_each_has_its_head_and_its_sections_in_order(self):
        for name, text in pages():
            with self.subTest(page=name):
                head = HEAD.match(text)
                self.assertTrue(head, "the head is not as it must be")
                self.assertEqual(head["code"] + ".md", name)
                self.assertIn(head["hop"], HOPS)
                self.assertIn(head["kind"], KINDS)
                self.assertEqual(re.findall(r"^## (.+)$", text, re.M), SECTIONS)
                for heading in SECTIONS:
                    self.assertGreater(len(section(text, heading).strip()), 40, heading)

    def test_why_names_a_manual_page_or_a_file_of_the_kernel_or_of_glibc(self):
        for name, text in pages():
            with self.subTest(page=name):
                self.assertRegex(section(text, "Why"), r"[\w-]+\([2-8]\)")

    def test_how_to_see_it_names_rows_that_are_there_and_of_that_hop(self):
        known = rows()
        families = {os.path.basename(folder) for folder in glob.glob(f"{SOURCE}/catalogue/*")}
        for name, text in pages():
            with self.subTest(page=name):
                head = HEAD.match(text)
                how = section(text, "How to see it")
                self.assertIn("behalf check ", how)
                named = set(re.findall(r"`(\w+)`", how)) & set(known)
                for words in re.findall(r"behalf survey ((?:\w+ ?)+)", how):
                    for word in words.split():
                        self.assertIn(word, families | set(known))
                        named |= {word} & set(known)
                self.assertTrue(named, "no row of the catalogue is named")
                if head["hop"] != "any" and head["hop"] not in ("rpc",):  # a remote call needs another machine
                    self.assertIn(head["hop"], {known[row] for row in named})

    def test_the_cure_has_code_and_all_code_of_pages_and_guide_compiles_by_itself(self):
        blocks = []
        for name, text in pages():
            self.assertIn("```cpp\n", section(text, "The cure"), name)
            blocks += [(name, code) for code in re.findall(r"```cpp\n(.*?)```", text, re.S)]
        for path in sorted(glob.glob(f"{SOURCE}/docs/guide/*.md")):
            with open(path) as file:
                blocks += [(path, code) for code in re.findall(r"```cpp\n(.*?)```", file.read(), re.S)]

        flags = {}  # of what some of the code stands on, where it is there
        for module in ("libpq", "grpc++"):
            asked = subprocess.run(["pkg-config", "--cflags", module], capture_output=True, text=True)
            flags[module] = asked.stdout.split() if asked.returncode == 0 else None
        headers = {"behalf/postgres.h": "libpq", "behalf/grpc.h": "grpc++"}
        needs = lambda code: [module for header, module in headers.items() if header in code]
        blocks = [(name, code) for name, code in blocks if None not in (flags[module] for module in needs(code))]

        def compiled(block):
            name, code = block
            with tempfile.NamedTemporaryFile("w", suffix=".cc") as file:
                file.write(code)
                file.flush()
                done = subprocess.run([COMPILER, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{SOURCE}/include",
                                       *(flag for module in needs(code) for flag in flags[module]), file.name], capture_output=True, text=True)
            return name, code, done

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
            for name, code, done in workers.map(compiled, blocks):
                with self.subTest(page=name, code=code):
                    self.assertEqual(done.returncode, 0, done.stderr)


class Explain(unittest.TestCase):
    def test_alone_it_lists_every_code_with_its_title(self):
        said = explain()
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        for _, text in pages():
            head = HEAD.match(text)
            self.assertRegex(said.stdout, rf"(?m)^{head['code']}  .*{re.escape(head['title'])}$")

    def test_a_code_gives_its_whole_page_in_any_case(self):
        for name, text in pages():
            with self.subTest(page=name):
                said = explain(name[:-3].lower())
                self.assertEqual((said.returncode, said.stderr), (0, ""))
                words = re.sub(r"^## |```\w*|^\* ", "", text[HEAD.match(text).end():], flags=re.M).replace("\\*", "*").split()
                shown = [word for word in said.stdout.split() if word != "*"]
                self.assertEqual(shown[-len(words):], words)
                self.assertLessEqual(max(map(len, said.stdout.splitlines())), 130)

    def test_no_escape_reaches_a_file(self):
        self.assertNotIn("\033", explain("B402").stdout)

    def on_terminal(self, **environment):
        master, slave = pty.openpty()
        process = subprocess.Popen([TOOL, "explain", "B402"], stdout=slave, env={**os.environ, **environment})
        os.close(slave)
        shown = b""
        try:
            while part := os.read(master, 65536):
                shown += part
        except OSError:  # the other end is closed
            pass
        os.close(master)
        self.assertEqual(process.wait(), 0)
        return shown.decode()

    def test_headings_are_bold_on_a_terminal_unless_colours_are_not_wanted(self):
        self.assertIn("\033[1mThe cure\033[0m", self.on_terminal(NO_COLOR=""))
        self.assertNotIn("\033", self.on_terminal(NO_COLOR="1"))

    def test_an_operation_says_what_goes_wrong_and_shows_its_cure(self):
        for name in ("thread_detached_staying", "threads/thread_detached_staying"):
            said = explain(name)
            self.assertEqual((said.returncode, said.stderr), (0, ""))
            for words in ("hop: thread", "clock: creator", "behalf explain B101", 'extern "C" int cured() {', "behalf::thread(behalf::as_service",
                          "a new thread is a copy of its creator"):
                self.assertIn(words, said.stdout)

    def test_an_operation_in_which_nothing_goes_astray_names_no_code(self):
        said = explain("thread_joined").stdout
        self.assertNotIn("behalf explain B", said)
        self.assertIn("none needed", said)

    def test_every_row_of_the_catalogue_is_explained(self):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
            names = [os.path.basename(path)[:-3] for path in glob.glob(f"{os.path.dirname(TOOL)}/../lib/behalf/catalogue/*/*.so")]
            self.assertGreater(len(names), 45)
            for name, said in zip(names, workers.map(explain, names)):
                with self.subTest(row=name):
                    self.assertEqual(said.returncode, 0, said.stderr)
                    with open(glob.glob(f"{SOURCE}/catalogue/*/{name}.cc")[0]) as file:
                        has_cure = '\nextern "C" int cured() {' in file.read()
                    self.assertEqual('extern "C" int cured() {' in said.stdout, has_cure)

    def test_what_is_unknown_gets_one_line_with_the_nearest(self):
        for words, says in (("B110", "nearest is B101"), ("getenv_hme", "nearest is getenv_home")):
            said = explain(words)
            self.assertEqual((said.returncode, said.stdout), (64, ""))
            self.assertEqual(len(said.stderr.splitlines()), 1)
            self.assertIn(says, said.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
