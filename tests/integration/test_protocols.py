"""Training protocols as files: docs/protocols.md agrees with the code, every file in configs/protocols
is one that a mouse can finish, and murid check says what is wrong with others.

After a change of protocol_keys.def:
    MURID_BIN=build/dev/daemon/murid python3 tests/integration/test_protocols.py --update
"""
import glob
import os
import re
import subprocess
import sys
import tempfile
import unittest

MURID = os.path.abspath(os.environ["MURID_BIN"])
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from page import Page  # noqa: E402

PROTOCOLS = os.path.join(SOURCE, "configs", "protocols")
PAGE = Page("protocols.md", "made by murid check --protocol-markdown")


def murid(*words):
    return subprocess.run([MURID, *words], capture_output=True, text=True, timeout=60)


def check(path, *words):
    return murid("check", "--protocol", path, *words)


def made():
    done = murid("check", "--protocol-markdown")
    assert done.returncode == 0, done.stderr
    return "\n" + done.stdout + "\n"


class Document(unittest.TestCase):
    def test_the_tables_are_those_of_the_code(self):
        self.assertEqual(PAGE.parts()[1], made(), __doc__)

    def test_the_files_named_are_those_that_are_there(self):
        named = set(re.findall(r"^\| `(\w+\.yaml)` \|", PAGE.parts()[0], re.M))
        self.assertEqual(named, {os.path.basename(p)
                                 for p in glob.glob(os.path.join(PROTOCOLS, "*.yaml"))})


class Files(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def write(self, text, name="p.yaml"):
        path = os.path.join(self.directory.name, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def test_a_mouse_can_finish_every_one_and_what_is_printed_means_the_same(self):
        files = sorted(glob.glob(os.path.join(PROTOCOLS, "*.yaml")))
        self.assertGreaterEqual(len(files), 5)
        for path in files:
            with self.subTest(os.path.basename(path)):
                done = check(path)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stderr, "last stage: can be reached\n")
                name = os.path.basename(path)[:-len(".yaml")]
                self.assertTrue(done.stdout.startswith(f"name: {name}\n"))
                self.assertEqual(check(self.write(done.stdout)).stdout, done.stdout)

    def test_the_defect_that_kept_mice_in_the_second_phase_is_found(self):
        path = os.path.join(PROTOCOLS, "ibl_training.yaml")
        done = check(path, "--defect", "never_advances")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^murid: .*ibl_training\.yaml:\d+: stage 1: when: no mouse "
                                      r"leaves stage 1: its test of performance can never hold\n$")
        for defect in ("zero_left", "zero_redrawn", "debias_all,debias_after_no_go", "debias_off",
                       "keeps_half", "wrong_contrasts", "counts_early"):
            done = check(path, "--defect", defect)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotEqual(done.stdout, check(path).stdout)

    def test_a_defect_may_stand_in_the_file(self):
        with open(os.path.join(PROTOCOLS, "ibl_training.yaml")) as f:
            text = f.read()
        path = os.path.join(PROTOCOLS, "ibl_training.yaml")
        self.assertEqual(check(self.write(text + "defects: [zero_left, keeps_half]\n")).stdout,
                         check(path, "--defect", "zero_left,keeps_half").stdout)

    def test_wrong_words_are_named_and_end_with_2(self):
        path = os.path.join(PROTOCOLS, "fixed_set.yaml")
        for words, said in (((path, "--defect", "rust"), '--defect: "rust"; a list with commas of zero_left,'),
                            ((path, "--defect", "debias_off"), "affects nothing in the protocol"),
                            ((path, "-c", path), "has no effect together with"),
                            (("/nonexistent.yaml",), "/nonexistent.yaml: No such file"),
                            ((self.write("", "empty.yaml"),), "empty.yaml:1: protocol: expected keys"),
                            ((self.write("name: x\nstages:\n  - name: a\n    contrasts: "
                                         "{1: 0.5, 0.5: 0.4}\n"),),
                             "p.yaml:4: stage a: contrasts: the probabilities sum to 0.9, 1 "
                             "expected")):
            done = check(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertRegex(done.stderr, r"^murid: .+\n$")
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertEqual(murid("check", "--defect", "zero_left").returncode, 2)

    def test_a_protocol_that_nobody_finishes_ends_with_1(self):
        done = check(self.write("""name: long
counters: session
session: {trials: 150}
stages:
  - name: a
    contrasts: {1: 1}
    moves:
      - to: b
        when:
          - {test: trials, at_least: 150}
  - name: b
"""))
        self.assertEqual(done.returncode, 1)
        self.assertIn("p.yaml:8: stage a: when: no mouse leaves stage a: its tests need at least "
                      "150 trials in one session that has at most 150", done.stderr)
        self.assertTrue(done.stdout.startswith("name: long\n"))


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        PAGE.update(made())
        sys.exit(0)
    unittest.main()
