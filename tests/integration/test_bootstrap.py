"""./bootstrap: its words, and what it says when packages are missing. It never installs here: the
programs it would install with are replaced."""
import os
import shutil
import subprocess
import tempfile
import unittest

BOOTSTRAP = os.path.join(os.environ["MURID_SOURCE_DIR"], "bootstrap")


class Bootstrap(unittest.TestCase):
    def setUp(self):
        """A copy of the script in a directory of its own, which is also the PATH: the tools it
        needs, and programs of ours in place of the others."""
        self.directory = tempfile.TemporaryDirectory()
        shutil.copy(BOOTSTRAP, self.directory.name)
        for name in ("dirname", "readlink", "mkdir", "tail", "env", "cat"):
            os.symlink(shutil.which(name), os.path.join(self.directory.name, name))

    def tearDown(self):
        self.directory.cleanup()

    def program(self, name, script):
        path = os.path.join(self.directory.name, name)
        with open(path, "w") as f:
            f.write("#!/bin/bash\n" + script + "\n")
        os.chmod(path, 0o755)

    def call(self, *words):
        env = {k: v for k, v in os.environ.items() if k != "CI"}
        env["PATH"] = self.directory.name
        return subprocess.run(["/bin/bash", os.path.join(self.directory.name, "bootstrap"), *words],
                              capture_output=True, text=True, env=env, timeout=60)

    def test_help_tells_the_commands(self):
        done = self.call("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("./bootstrap run", "./bootstrap test", "--asan"):
            self.assertIn(word, done.stdout)

    def test_other_words_end_with_2(self):
        for words in ([], ["nonsense"], ["test", "--fast"]):
            done = self.call(*words)
            self.assertEqual(done.returncode, 2)
            self.assertIn("usage: ./bootstrap run", done.stderr)

    def test_without_root_and_sudo_it_says_what_to_ask_for(self):
        self.program("dpkg-query", '[ "${@: -1}" = libyaml-dev ] || echo installed')
        self.program("id", "echo 1000")
        done = self.call("run", "--help")
        self.assertEqual(done.returncode, 1)
        self.assertIn("needed to build and run murid and not installed: libyaml-dev", done.stderr)
        self.assertIn("apt-get install libyaml-dev", done.stderr)

    def test_a_failed_installation_is_shown(self):
        self.program("dpkg-query", "exit 1")
        self.program("id", "echo 0")
        self.program("apt-get", "echo no network here; exit 100")
        done = self.call("run", "--help")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no network here", done.stderr)
        self.assertIn("apt-get failed", done.stderr)

    def test_with_everything_installed_it_goes_straight_to_the_build(self):
        self.program("dpkg-query", "echo installed")
        self.program("apt-get", "echo must not be called >&2; exit 1")
        self.program("cmake", "echo the compiler is broken; exit 1")
        done = self.call("run", "--help")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the compiler is broken", done.stderr)
        self.assertIn("the build failed", done.stderr)
        self.assertNotIn("must not be called", done.stderr)

    def test_cases_that_were_skipped_are_counted_beside_the_tests(self):
        """With a ctest of ours: one test passed whole, one in part, one was skipped."""
        for name in ("grep", "sed", "head", "rm"):
            os.symlink(shutil.which(name), os.path.join(self.directory.name, name))
        self.program("dpkg-query", "echo installed")
        self.program("cmake", "true")
        self.program("ctest", """
            while [ "$1" != --output-junit ]; do shift; done
            mkdir -p "${2%/*}"
            cat >"$2" <<XML
<testsuite name="x"
	tests="3" failures="0" skipped="1">
<testcase name="a" status="run"><system-out>3 of 7 cases skipped
</system-out></testcase>
<testcase name="b" status="run"><system-out>all well</system-out></testcase>
<testcase name="c" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/><system-out>2 of 2 cases skipped
</system-out></testcase>
</testsuite>
XML""")
        done = self.call("test")
        self.assertEqual((done.returncode, done.stdout), (0, "2 passed, 0 failed, 1 skipped\n"), done.stderr)
        self.assertIn("bootstrap: 3 cases of tests that passed were skipped; ", done.stderr)

    def test_elsewhere_than_on_debian_it_names_what_is_needed(self):
        self.program("cmake", "exit 1")
        done = self.call("run", "--help")
        self.assertIn("this is no Debian", done.stderr)
        self.assertIn("libzmq3-dev", done.stderr)


if __name__ == "__main__":
    unittest.main()
