"""The tables in docs/config.md are those of `murid check --markdown`, and every file in configs/ is a
configuration that the daemon would start with.

After a change of config_options.def:
    MURID_BIN=build/dev/daemon/murid python3 tests/integration/test_config_doc.py --update
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

MURID = os.path.abspath(os.environ["MURID_BIN"])
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from page import Page  # noqa: E402

PAGE = Page("config.md", "made by murid check --markdown")

# What another program on this machine, or a rig that is not plugged in, may be the reason for.
OF_THIS_MACHINE = (r"murid: sockets\.\w+: tcp://[^ ]+: Address already in use; is another murid running\?",
                   r"murid: rigs: [\w-]+: /(dev|mnt)/[^ ]+: No such file or directory(; .*)?")


def made():
    done = subprocess.run([MURID, "check", "--markdown"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return "\n" + done.stdout


class Document(unittest.TestCase):
    def test_the_tables_are_those_of_the_code(self):
        self.assertEqual(PAGE.parts()[1], made(), __doc__)

    def test_every_key_named_in_the_text_exists(self):
        before, tables, after = PAGE.parts()
        known = set()
        section = None
        for line in tables.splitlines():
            if line.startswith("### "):
                section = line[4:]
            key = re.match(r"\| `(\w+)` \|", line)
            if key:
                known.add(f"{section}.{key.group(1)}")
        sections = {k.split(".")[0] for k in known}
        named = {w for w in re.findall(r"`(\w+\.\w+)`", before + after) if w.split(".")[0] in sections}
        self.assertTrue(named)
        self.assertEqual(named - known, set())


class Configurations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="murid-test-")
        os.symlink(os.path.join(SOURCE, "configs"), os.path.join(cls.directory, "configs"))
        keys = os.path.join(cls.directory, "keys")
        os.mkdir(keys)
        for name in ("murid.key", "box-1.key", "operator.key"):
            subprocess.run([MURID, "keygen", os.path.join(keys, name)], check=True,
                           capture_output=True)
        with open(os.path.join(keys, "clients"), "w") as f:
            for name, roles in (("box-1", "rig=box-1 listen"), ("operator", "control listen")):
                with open(os.path.join(keys, name + ".key.pub")) as key:
                    f.write(f"{key.read().strip()} {roles}\n")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def check(self, path):
        return subprocess.run([MURID, "check", "-c", path], capture_output=True, text=True,
                              cwd=self.directory, timeout=60)

    def test_the_daemon_would_start_with_every_file(self):
        files = sorted(glob.glob(os.path.join(SOURCE, "configs", "*.yaml")))
        self.assertGreaterEqual(len(files), 4)
        for path in files:
            with self.subTest(os.path.basename(path)):
                done = self.check(path)
                self.assertTrue(done.stdout.startswith("data:"), done.stderr)
                self.assertIn("data directory: ok", done.stderr)
                self.assertIn("model: ok", done.stderr)
                for line in done.stderr.splitlines():
                    self.assertTrue(line.endswith(": ok") or
                                    any(re.fullmatch(p, line) for p in OF_THIS_MACHINE), line)

    def test_a_file_with_a_mistake_does_not_pass_for_one_of_them(self):
        path = os.path.join(self.directory, "odd.yaml")
        with open(path, "w") as f:
            f.write("sockets:\n  aks: tcp://127.0.0.1:5770\n")
        done = self.check(path)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, "")
        self.assertIn("odd.yaml:2: sockets.aks: unknown key", done.stderr)

    def test_what_is_printed_is_a_configuration_with_the_same_meaning(self):
        path = os.path.join(self.directory, "printed.yaml")
        for name in ("rig.yaml", "lab.yaml", "serial.yaml", "follow.yaml"):
            first = self.check(os.path.join(SOURCE, "configs", name)).stdout
            with open(path, "w") as f:
                f.write(first)
            self.assertEqual(self.check(path).stdout, first)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        PAGE.update(made())
        sys.exit(0)
    unittest.main()
