#!/usr/bin/env python3
"""The pages, as a reader has them in a browser: what is seen, in light and dark, with the keyboard, without scripts.

usage: page_test.py TOOL LIBRARY
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

from browser import Browser

TOOL, LIBRARY = sys.argv[1:3]


def luminance(colour):
    def linear(c):
        return c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
    red, green, blue = (linear(int(c) / 255) for c in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        cls.folder = folder.name
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    @classmethod
    def write(cls, name, *words):
        path = f"{cls.folder}/{name}.html"
        cls.exit = subprocess.run([TOOL, *words, "--format", "html", "-o", path], stderr=subprocess.PIPE, timeout=120).returncode
        return path

    def readable(self, selector):
        """The contrast of an element's text with what is behind it."""
        ink, paper = self.browser.ask(f"""(() => {{
          let at = document.querySelector({selector!r}); const ink = getComputedStyle(at).color;
          for (; at; at = at.parentElement) {{
            const paper = getComputedStyle(at).backgroundColor;
            if (!paper.startsWith("rgba(0, 0, 0, 0")) return [ink, paper];
          }} return [ink, "rgb(255, 255, 255)"]; }})()""")
        light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    def nothing_was_asked_of_the_network(self):
        self.assertEqual(self.browser.requested(), [])
        self.assertEqual(self.browser.complaints(), [])


class Check(Pages):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A name of its own that is markup: the page shows it.
        cls.library = f"{cls.folder}/<img src=x onerror=document.title='hacked'>.so"
        subprocess.run(["cp", LIBRARY, cls.library], check=True)
        os.chmod(cls.library, 0o755)
        cls.page = cls.write("check", "check", cls.library, "operation", "--before", "before")
        cls.answers = cls.write("answers", "check", cls.library, "answers", "--leg", "cold")

    def test_the_verdict_comes_first_then_both_sides_and_the_cure(self):
        self.browser.open(self.page)
        text = self.browser.seen()
        places = [text.find(words) for words in ("does NOT work when impersonating", "B102 lost: openat /srv/<img", "EXPECTED", "GOT", "Cure.",
                                                 "Where it went astray", "The legs")]
        self.assertNotIn(-1, places, text)
        self.assertEqual(places, sorted(places))
        self.assertRegex(text, r"as alice → ")
        self.assertRegex(text, r"as root → ")
        self.assertRegex(text, r"\d+ more that follow from it or repeat it")
        self.nothing_was_asked_of_the_network()

    def test_both_stacks_are_there_and_the_operations_own_frames_stand_out(self):
        self.browser.open(self.page)
        stacks = self.browser.ask("[...document.querySelectorAll('.stacks section > ol.stack')].map(s => s.innerText)")
        self.assertIn("helper", stacks[0])
        self.assertIn("before", stacks[-1])
        own = self.browser.ask("[...document.querySelectorAll('ol.stack li.own .number + code')].map(s => s.innerText)")
        self.assertIn("helper", own)
        self.assertNotIn("pthread_create", " ".join(own))

    def test_one_screen_is_enough_to_understand(self):
        self.browser.open(self.page)
        for selector in (".verdict", "dl.sides", ".cure", "ol.stack li.own"):
            self.assertLess(self.browser.ask(f"document.querySelector({selector!r}).getBoundingClientRect().bottom"), 800, selector)
        self.assertIn("hostile.c:", self.browser.ask("document.querySelector('ol.stack li.own').innerText"))

    def test_every_frame_is_there_when_asked_for(self):
        self.browser.open(self.page)
        self.browser.ask("document.querySelectorAll('.stacks details').forEach(d => d.open = true)")
        self.assertIn("start_thread", self.browser.seen())

    def test_several_answers_are_listed_first_and_lead_to_each(self):
        page = self.write("several", "check", self.library, "fine", "answers", "--leg", "cold", "--posture", "full")
        self.browser.open(page)
        answers = self.browser.ask("[...document.querySelectorAll('ul.answers li')].map(l => l.innerText)")
        self.assertEqual(answers, ["✓\u00a0works fine posture full", "✗\u00a0fails answers posture full"])
        titles = self.browser.ask("[...document.querySelectorAll('ul.answers a')].map(a => document.getElementById(a.hash.slice(1)).innerText)")
        self.assertEqual(titles, ["fine, posture full", "answers, posture full"])

    def test_a_picture_for_each_leg_with_what_the_text_says(self):
        self.browser.open(self.page)
        legs = self.browser.ask("[...document.querySelectorAll('figure')].map(f => f.querySelector('figcaption').innerText.split(' ')[0])")
        self.assertEqual(legs, ["cold", "warm", "after-bob", "alternating", "concurrent", "after-idle", "service-after"])
        cold = "document.querySelector('figure svg[role=img]')"
        self.assertEqual(set(self.browser.ask(f"[...{cold}.querySelectorAll('.stretch')].map(s => s.dataset.who)")), {"root", "alice"})
        self.assertGreaterEqual(self.browser.ask(f"{cold}.querySelectorAll('[data-astray=true]').length"), 1)
        self.assertEqual(self.browser.ask(f"{cold}.querySelectorAll('.finding').length"), 1)
        self.assertEqual(self.browser.ask(f"{cold}.querySelector('.finding text').textContent"), "B102")
        self.assertGreaterEqual(self.browser.ask(f"{cold}.querySelectorAll('path.arrow').length"), 2)
        lanes = self.browser.ask(f"[...{cold}.querySelectorAll(':scope > text')].map(t => t.textContent)")
        self.assertIn("caller", lanes)
        self.assertIn("made before any call", lanes)

    def test_in_the_picture_alice_is_worn_in_the_callers_lane_and_the_mark_is_in_anothers(self):
        self.browser.open(self.page)
        where = self.browser.ask("""(() => {
          const middle = e => { const b = e.getBoundingClientRect(); return (b.top + b.bottom) / 2; }, svg = document.querySelector('figure svg[role=img]');
          const caller = [...svg.querySelectorAll('text')].find(t => t.textContent === 'caller');
          return [middle(caller), middle(svg.querySelector('[data-who=alice] rect')), middle(svg.querySelector('[data-astray=true] circle'))]; })()""")
        self.assertLess(abs(where[0] - where[1]), 20)
        self.assertGreater(abs(where[0] - where[2]), 25)

    def test_identities_are_told_apart_without_colour(self):
        self.browser.open(self.page)
        fills = self.browser.ask("[...document.querySelectorAll('.legend li')].slice(0, 5).map(l => (l.querySelector('[fill^=url]') || {getAttribute: () => 'plain'}).getAttribute('fill'))")
        self.assertEqual(len(set(fills)), 5, fills)

    def test_what_the_operation_said_is_text_and_never_markup(self):
        for page in (self.page, self.answers):
            with self.subTest(page=page):
                self.browser.open(page)
                self.assertEqual(self.browser.ask("document.querySelectorAll('img, script, iframe, object, link, [onerror], [onload]').length"), 0)
                self.assertTrue(self.browser.ask("document.title").endswith("behalf"))
                self.assertIn("<img src=x onerror=document.title='hacked'>.so", self.browser.seen())
                self.nothing_was_asked_of_the_network()
        text = self.browser.seen()
        self.assertIn("</p><script>document.title='hacked'</script> & \"quotes\" 'too' \ufffd", text)
        with open(self.answers, "rb") as file:
            self.assertNotIn("\u202e", file.read().decode())  # and the file is UTF-8, whatever was printed

    def test_the_scroll_regions_are_reached_with_the_keyboard(self):
        self.browser.open(self.page)
        names = []
        for _ in range(12):
            self.browser.press("Tab", 9)
            names.append(self.browser.ask("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"))
        self.assertIn("Picture of the leg cold", names)
        self.assertIn("The same in words", names)

    def test_text_is_readable_in_light_and_dark(self):
        for dark in (False, True):
            self.browser.open(self.page, dark=dark)
            self.assertEqual(self.browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)", dark)
            for selector in ("h1", ".verdict", ".soft", "dt", ".cure", "ol.stack li", "ol.stack li.own", ".badge.fails", "footer"):
                self.assertGreaterEqual(self.readable(selector), 4.5, f"{selector} dark={dark}")

    def test_nothing_is_cut_off_on_a_phone(self):
        self.browser.open(self.page, width=390)
        self.assertLessEqual(self.browser.ask("document.documentElement.scrollWidth"), 390)

    def test_an_operation_that_works_says_so(self):
        page = self.write("fine", "check", self.library, "fine", "--leg", "cold")
        self.browser.open(page)
        self.assertRegex(self.browser.seen(), r"\A[^\n]*\s+fine\s+works when impersonating")
        self.assertEqual(self.browser.ask("document.querySelectorAll('.finding, [data-astray=true]').length"), 0)


class Suppressed(Pages):
    def test_is_folded_with_its_reason_and_opens_with_the_keyboard(self):
        rules = f"{self.folder}/known.txt"
        with open(rules, "w") as file:
            file.write("code:B102 because of <b>ticket</b> 4711\n")
        page = self.write("suppressed", "check", LIBRARY, "operation", "--before", "before", "--leg", "cold", "--suppressions", rules)
        self.assertEqual(self.exit, 0)
        self.browser.open(page, scripts=False)
        text = self.browser.seen()
        self.assertIn("does NOT work when impersonating; all that was found is suppressed", text)
        self.assertIn("because of <b>ticket</b> 4711", text)
        self.assertNotIn("EXPECTED", text)
        for _ in range(3):
            if self.browser.ask("document.activeElement.matches('details.suppressed summary')"):
                break
            self.browser.press("Tab", 9)
        self.browser.press(" ", 32)
        self.assertIn("EXPECTED", self.browser.seen())
        for dark in (False, True):
            self.browser.open(page, dark=dark)
            for selector in ("details.suppressed summary", ".verdict"):
                self.assertGreaterEqual(self.readable(selector), 4.5, f"{selector} dark={dark}")


class Survey(Pages):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.page = cls.write("survey", "survey", "thread_joined", "thread_made_before", "access_root_file", "--posture", "full", "--posture", "effective")

    def rows(self):
        return self.browser.ask("[...document.querySelectorAll('tr.row')].filter(r => r.offsetParent).map(r => r.dataset.name)")

    def test_a_row_for_each_operation_below_its_family(self):
        self.browser.open(self.page)
        text = self.browser.seen()
        self.assertTrue(text.index("call") < text.index("access_root_file") < text.index("threads") < text.index("thread_joined"))
        self.assertEqual(self.rows(), ["access_root_file", "thread_joined", "thread_made_before"])
        self.assertEqual(self.browser.ask("document.querySelector('[data-name=thread_made_before] .badge').innerText"), "✗\u00a0fails")
        self.assertRegex(text, r"lost: openat /home/alice/note.txt as root")
        self.assertRegex(text, r"Cure: .*\s+✓\s+works")
        self.assertRegex(text, r"full\s+2 of 3 work")
        self.nothing_was_asked_of_the_network()

    def test_without_scripts_everything_is_there_and_the_filter_is_not(self):
        self.browser.open(self.page, scripts=False)
        self.assertEqual(len(self.rows()), 3)
        self.assertNotIn("Show all", self.browser.seen())

    def test_the_filter_by_text_verdict_and_posture_with_the_keyboard_alone(self):
        self.browser.open(self.page)
        for _ in range(2):  # past the link to the table
            self.browser.press("Tab", 9)
        self.assertEqual(self.browser.ask("document.activeElement.name"), "text")
        self.browser.type("B102")
        self.assertEqual(self.rows(), ["thread_made_before"])
        self.assertIn("1 of 3 operations", self.browser.seen())
        # A family with nothing left is not shown either.
        self.assertEqual(self.browser.ask("[...document.querySelectorAll('th.family')].filter(f => f.offsetParent).length"), 1)

    def choose(self, name, value):
        self.browser.ask(f"(() => {{ const f = document.querySelector('form.filter'); f.elements.{name}.value = {value!r}; f.dispatchEvent(new Event('input')); }})()")

    def test_verdict_and_posture_are_asked_of_the_same_cell(self):
        self.browser.open(self.page)
        self.choose("verdict", "fails")
        self.assertEqual(self.rows(), ["access_root_file", "thread_made_before"])
        self.choose("posture", "full")
        self.assertEqual(self.rows(), ["thread_made_before"])
        self.assertNotIn("EFFECTIVE", self.browser.ask("document.querySelector('thead').innerText").upper())
        self.browser.ask("document.querySelector('form.filter button').click()")
        self.browser.ask("new Promise(r => setTimeout(r, 50))")
        self.assertEqual(len(self.rows()), 3)

    def test_a_foreign_script_does_not_run(self):
        with open(self.page) as file:
            text = file.read()
        spoilt = self.page.replace(".html", "-spoilt.html")
        with open(spoilt, "w") as file:
            file.write(text.replace("</main>", "</main><script>document.title = 'hacked'</script>"))
        self.browser.open(spoilt)
        self.assertNotEqual(self.browser.ask("document.title"), "hacked")

    def test_text_is_readable_in_light_and_dark_and_on_a_phone(self):
        for dark in (False, True):
            self.browser.open(self.page, dark=dark)
            for selector in ("h1", ".lead", "thead th", ".badge.works", ".badge.fails", "td.what .soft", "form.filter output", ".mono"):
                self.assertGreaterEqual(self.readable(selector), 4.5, f"{selector} dark={dark}")
        self.browser.open(self.page, width=390)
        self.assertLessEqual(self.browser.ask("document.documentElement.scrollWidth"), 390)
        self.assertEqual(len(self.rows()), 3)

    def test_prints_the_table_and_not_the_filter(self):
        self.browser.open(self.page, media="print")
        self.assertFalse(self.browser.ask("!!document.querySelector('form.filter').offsetParent"))
        self.assertEqual(len(self.rows()), 3)

    def test_links_to_codes_lead_somewhere(self):
        self.browser.open(self.page)
        missing = self.browser.ask("[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.getElementById(a.hash.slice(1))).length")
        self.assertEqual(missing, 0)


del Pages  # only its children are tests
if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
