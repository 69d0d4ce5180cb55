"""What docs/ names is there: functions and files of the code, other pages, options of the commands."""
import glob
import os
import re
import shlex
import subprocess
import tempfile
import unittest

from fits import table

MURID = os.environ["MURID_BIN"]
SOURCE = os.environ["MURID_SOURCE_DIR"]
PAGES = ("architecture.md", "audit.md", "config.md", "fit.md", "journal.md", "mouse.md", "tables.md")
SBATCH = os.path.join(SOURCE, "configs", "slurm", "fit.sbatch")


def page(name):
    with open(os.path.join(SOURCE, "docs", name), encoding="utf-8") as f:
        return f.read()


def code():
    texts = []
    for part in ("daemon", "model", "proto", "firmware-bridge"):
        for path in glob.glob(os.path.join(SOURCE, part, "**", "*.[ch]"), recursive=True):
            with open(path, encoding="utf-8") as f:
                texts.append(f.read())
    return "\n".join(texts)


class Docs(unittest.TestCase):
    def test_functions_named_are_in_the_code(self):
        words = set(re.findall(r"\b([a-z]\w*)\(", code()))
        named = set(re.findall(r"`(\w+)\(\)`", page("architecture.md")))
        self.assertGreater(len(named), 30)
        self.assertEqual(named - words, set())

    def test_tests_named_for_a_promise_are_there(self):
        table = page("architecture.md").split("What the README promises", 1)[1].split("\n\n`SEED", 1)[0]
        rows = [line for line in table.splitlines() if line.startswith("|")][2:]
        self.assertGreater(len(rows), 12)
        n = 0
        for row in rows:
            for name, tests in re.findall(r"`(test_\w+\.\w+)`(?:: ((?:`\w+`(?:, )?)+))?", row):
                path, = glob.glob(os.path.join(SOURCE, "tests", "*", name))
                with open(path, encoding="utf-8") as f:
                    text = f.read()
                for test in re.findall(r"`(\w+)`", tests):
                    n += 1
                    self.assertRegex(text, rf"\b{test}\(", row)
        self.assertGreater(n, 20)

    def test_constants_named_are_in_the_code(self):
        words = set(re.findall(r"\b[A-Z][A-Z_]+\b", code()))
        named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", page("architecture.md")))
        self.assertTrue(named)
        self.assertEqual(named - words, set())

    def test_files_named_are_in_the_tree(self):
        names = {os.path.basename(p) for p in glob.glob(os.path.join(SOURCE, "*", "**", "*.*"),
                                                       recursive=True)}
        n = 0
        for name in PAGES:
            named = set(re.findall(r"`([\w/]+\.(?:c|h|py|def|md))`", page(name)))
            n += len(named)
            missing = {n for n in named if os.path.basename(n) not in names}
            self.assertEqual(missing, set(), name)
        self.assertGreater(n, 10)

    def test_daemon_sources_in_the_table_exist(self):
        table = page("architecture.md").split("| file | its one job |")[1].split("\n\n")[0]
        nouns = re.findall(r"`([a-z_]+)`", table)
        self.assertGreater(len(nouns), 50)
        for noun in nouns:
            path = os.path.join(SOURCE, "daemon", "src", "*", noun)
            self.assertTrue(glob.glob(path + ".[ch]"), noun)

    def test_links_lead_somewhere(self):
        n = 0
        for name in PAGES:
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page(name)):
                n += 1
                path = os.path.join(SOURCE, "docs", target)
                self.assertTrue(os.path.exists(path), f"{name}: {target}")
        self.assertGreater(n, 20)


def help_of(command):
    return subprocess.run([MURID, command, "--help"], capture_output=True, text=True, check=True).stdout


def options_of(command):
    return set(re.findall(r"(?m)^  (--?[a-z][a-z-]*)", help_of(command)))


class Help(unittest.TestCase):
    COMMANDS = re.findall(r"(?m)^  (\w+) {2,}\S", subprocess.run([MURID, "--help"], capture_output=True, text=True,
                                                             check=True).stdout)

    def test_options_stand_in_two_columns(self):
        self.assertIn("fit", self.COMMANDS)
        for command in self.COMMANDS:
            head, _, listed = help_of(command).partition("\noptions:\n")
            self.assertTrue(head.startswith(f"usage: murid {command}"), head)
            self.assertLessEqual(max(map(len, head.splitlines())), 80, head)
            for line in listed.splitlines():
                self.assertRegex(line, r"^(  --?[a-z][a-z-]*( \S+( \S+)*)? +\S|                           \S)")
                self.assertLessEqual(len(line), 80, line)


class FitGuide(unittest.TestCase):
    def test_options_named_are_those_of_the_command(self):
        text = page("fit.md").replace("\n", " ")
        known = {c: options_of(c) for c in ("fit", "eval", "model", "simulate")}
        commands = [(c, words) for c, words in re.findall(r"murid (fit|eval|model|simulate) ([^`$|]*)", text)]
        self.assertGreater(len(commands), 12)
        for command, words in commands:
            used = set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", " " + words.split("    ")[0]))
            self.assertEqual(used - known[command] - {"--help"}, set(), words)
        alone = set(re.findall(r"`(--[a-z-]+)", text))
        others = {"--ntasks-per-node", "--cpus-per-task", "--signal", "--open-mode", "--mpi", "--mca",
                  "--bind-to"}
        self.assertEqual(alone - set.union(*known.values()) - others, set())
        self.assertGreater(len(alone & known["fit"]), 18)


class MouseGuide(unittest.TestCase):
    def test_options_named_are_those_of_the_command(self):
        used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page("mouse.md")))
        self.assertEqual(used - options_of("mouse"), set())
        self.assertGreater(len(used), 12)


class Slurm(unittest.TestCase):
    """The job for SLURM with a stand-in for srun, which drops its own options and runs the rest."""

    SRUN = """#!/bin/bash
echo "$@" >> "$SRUN_LOG"
while [[ $1 == --* ]]; do shift; done
exec "$@" --epochs 1 --hidden 4
"""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        srun = os.path.join(self.directory, "srun")
        with open(srun, "w") as f:
            f.write(self.SRUN)
        os.chmod(srun, 0o755)
        with open(os.path.join(self.directory, "mice.csv"), "w") as f:
            f.write(table(animals=6, n=90, less=5))
        self.log = os.path.join(self.directory, "log")

    def submit(self, *words):
        env = dict(os.environ, PATH=f"{self.directory}:{os.environ['PATH']}", SRUN_LOG=self.log, MURID=MURID,
                   SLURM_CPUS_PER_TASK="2")
        return subprocess.run(["bash", SBATCH, *words], capture_output=True, text=True, env=env,
                              cwd=self.directory, timeout=120)

    def test_it_is_a_script_with_the_signal_that_a_fit_wants(self):
        subprocess.run(["bash", "-n", SBATCH], check=True)
        with open(SBATCH) as f:
            text = f.read()
        directives = re.findall(r"(?m)^#SBATCH (--[a-z-]+)=(\S+)$", text)
        self.assertEqual(len(directives), text.count("\n#SBATCH "))
        self.assertEqual(dict(directives)["--signal"], "TERM@120")
        last_comment = text.rindex("#SBATCH")
        self.assertEqual(re.findall(r"(?m)^[^#\n]", text[:last_comment]), []) # SLURM stops reading there

    def test_it_runs_the_fit_and_goes_on_with_one_that_was_stopped(self):
        done = self.submit("mice.csv", "bank.safetensors")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(os.path.exists(os.path.join(self.directory, "bank.safetensors.cv.csv")))
        os.mkdir(os.path.join(self.directory, "bank.safetensors.fit"))
        again = self.submit("mice.csv", "bank.safetensors")
        self.assertEqual(again.returncode, 2, again.stderr)
        self.assertIn("not done yet; go on with: sbatch ", again.stdout)
        with open(self.log) as f:
            first, second = (shlex.split(line) for line in f)
        self.assertNotIn("--resume", first)
        self.assertIn("--resume", second)
        used = {word for word in second[second.index("fit"):] if word.startswith("-")}
        self.assertEqual(used - options_of("fit"), set())
        self.assertEqual(self.submit("mice.csv").returncode, 1)


if __name__ == "__main__":
    unittest.main()
