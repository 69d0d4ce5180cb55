"""The tests themselves: what cannot be run is shown as skipped, and nothing is passed over in silence."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

TESTS = os.path.join(os.environ["MURID_SOURCE_DIR"], "tests")
SUPPORT = os.path.join(TESTS, "support")
OWN = os.path.basename(__file__)


def sources(ending):
    """Path and text of all programs that ctest runs, and of what they share."""
    found = {}
    for directory in ("unit", "integration", "rt", "support"):
        for name in os.listdir(os.path.join(TESTS, directory)):
            if name.endswith(ending) and name != OWN and not name.startswith("skips."):
                with open(os.path.join(TESTS, directory, name)) as f:
                    found[f"{directory}/{name}"] = f.read()
    assert len(found) > 10, found.keys()
    return found


class Tests(unittest.TestCase):
    def test_a_case_that_cannot_be_run_says_so_to_ctest(self):
        """A program that skips ends by skips.h or skips.py; none only prints that it skips."""
        skipping = 0
        for name, text in sources(".c").items():
            if re.search(r"skips_case|ibl_trials_read|each_learning_case", text):
                skipping += 1
                self.assertIn("return skips_end(cmocka_run_group_tests(", text, name)
            self.assertIsNone(re.search(r'print\w*\("skipped', text), name)
        for name, text in sources(".h").items():
            self.assertIsNone(re.search(r'print\w*\("skipped', text), name)
        for name, text in sources(".py").items():
            if re.search(r"skipTest|skipIf|skipUnless|small_disk", text):
                skipping += 1
                self.assertTrue("skips.main()" in text, name)
            if re.search(r'print\(f?"skipped', text):
                self.assertIn("cases skipped", text, name)
        self.assertGreater(skipping, 10)

    def run_python(self, body):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "test_it.py")
            with open(path, "w") as f:
                f.write("import unittest\nimport skips\nclass T(unittest.TestCase):\n" + body
                        + "\nskips.main()\n")
            done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60,
                                  env={**os.environ, "PYTHONPATH": SUPPORT})
        return done.returncode, done.stdout

    def test_a_program_is_skipped_if_all_of_it_is(self):
        one = "    def test_a(self): self.skipTest('nothing here')\n"
        two = "    def test_b(self): pass\n"
        three = "    def test_c(self): self.fail()\n"
        code, said = self.run_python(one)
        self.assertEqual(code, 77)
        self.assertRegex(said, r"skipped: nothing here: .*test_a\n1 of 1 cases skipped\n")
        code, said = self.run_python(one + two)
        self.assertEqual(code, 0)
        self.assertIn("1 of 2 cases skipped\n", said)
        self.assertEqual(self.run_python(one + three)[0], 1)
        self.assertEqual(self.run_python(two), (0, ""))
        self.assertEqual(self.run_python("    pass\n")[0], 1)

    def test_every_program_of_a_test_is_run(self):
        registered = ""
        for name in os.listdir(TESTS):
            if name.endswith((".cmake", ".txt")):
                with open(os.path.join(TESTS, name)) as f:
                    registered += f.read()
        for directory in ("integration", "rt"):
            for name in os.listdir(os.path.join(TESTS, directory)):
                if name.startswith("test_") and name.endswith(".py"):
                    self.assertIn(f"python_test({directory}/{name})", registered)
        for name in os.listdir(os.path.join(TESTS, "unit")):
            self.assertIn(f"unit_test({name[len('test_'):-len('.c')]} ", registered)


if __name__ == "__main__":
    unittest.main()
