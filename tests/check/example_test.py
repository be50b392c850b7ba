#!/usr/bin/env python3
"""The example, as its reader meets it: behalf is installed, and the example is configured, built and run against that.

usage: example_test.py BUILD_FOLDER SOURCE_FOLDER CXX CC [ADAPTER...]
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE, CXX, CC = sys.argv[1:5]
ADAPTERS = sys.argv[5:]

CONSUMER = """
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 20)
find_package(behalf @VERSION@ REQUIRED COMPONENTS @COMPONENTS@)
add_executable(consumer main.cc)
target_link_libraries(consumer PRIVATE behalf::@LIBRARY@)
"""
MAIN = """
#include <behalf/bind.h>
#include <behalf/initialize.h>
int main() { behalf::initialize({}); behalf::bind([] {})(); }
"""


def run(*words, expect=0):
    # The tests of the example run the tool that was installed, whatever the caller's environment names.
    environment = {k: v for k, v in os.environ.items() if k not in ("BEHALF_TOOL", "DESTDIR")}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=200)
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


class Example(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.prefix = f"{cls.folder.name}/prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)

    def configure(self, source, build, expect=0):
        return run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_CXX_COMPILER={CXX}",
                   f"-DCMAKE_C_COMPILER={CC}", expect=expect)

    def test_the_good_operation_passes_and_the_bad_one_fails_with_the_report(self):
        build = f"{self.folder.name}/own"
        self.configure(f"{SOURCE}/examples/own-library", build)
        run("cmake", "--build", build)
        said = run("ctest", "--test-dir", build, "--output-on-failure", expect=None)
        self.assertRegex(said, r"check_reads_note \.+ +Passed")
        self.assertRegex(said, r"check_setting \.+\*\*\*Failed")
        self.assertRegex(said, r"check_known_setting \.+ +Passed")
        self.assertRegex(said, r"\[       OK \] Notes\.are_read_as_the_user")
        self.assertRegex(said, r"\[       OK \] Home\.")
        self.assertRegex(said, r"\[  FAILED  \] Notes\.have_settings_of_the_user")
        message = said[said.index("Expected: works when impersonating"):]
        self.assertRegex(message, r"reads_setting: does NOT work when impersonating")
        self.assertRegex(message, r"SUMMARY: behalf: \w+ B402 environment operations\.cc:\d+ in reads_setting")

    def consumer(self, version, expect, components="", library="transfer"):
        source = tempfile.mkdtemp(dir=self.folder.name)
        lists = CONSUMER.replace("@VERSION@", version).replace("@COMPONENTS@", components).replace("@LIBRARY@", library)
        for name, text in {"CMakeLists.txt": lists, "main.cc": MAIN}.items():
            with open(f"{source}/{name}", "w") as file:
                file.write(text)
        return source, self.configure(source, f"{source}/build", expect)

    def test_the_library_can_be_linked_and_used(self):
        source, _ = self.consumer("0.1", 0)
        run("cmake", "--build", f"{source}/build")
        run(f"{source}/build/consumer")

    def test_another_version_is_refused(self):
        self.assertRegex(self.consumer("9.0", 1)[1], r"version: 0\.1\.0")

    def test_an_adapter_that_was_built_is_a_component(self):
        for adapter in ADAPTERS:
            with self.subTest(adapter):
                source, _ = self.consumer("0.1", 0, adapter, adapter)
                run("cmake", "--build", f"{source}/build")
                run(f"{source}/build/consumer")

    def test_an_adapter_that_was_not_is_refused_and_says_why(self):
        self.assertRegex(self.consumer("0.1", 1, "smoke_signals")[1], r"smoke_signals\s+was\s+not\s+built")

    def test_the_installed_tool_finds_its_parts(self):
        self.assertIn("self-check passed", run(f"{self.prefix}/bin/behalf", "self-check"))
        self.assertIn("std::thread", run(f"{self.prefix}/bin/behalf", "survey", "thread_joined", "--posture", "full"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
