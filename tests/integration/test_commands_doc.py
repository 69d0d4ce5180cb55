"""docs/commands.md is what `murid COMMAND --help` prints, and the defaults that other pages state are
those that help prints: they are printed from what the program starts with.

After a change of a command's options:
    MURID_BIN=build/dev/daemon/murid python3 tests/integration/test_commands_doc.py --update
"""
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

PAGE = Page("commands.md", "made by murid COMMAND --help")


def run(*words):
    done = subprocess.run([MURID, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands():
    found = re.findall(r"(?m)^  (\w+)  +\S", run("--help"))
    assert len(found) > 15, found
    return found


def made():
    return "".join(f"\n## {name}\n\n```text\n{run(name, '--help')}```\n" for name in commands()) + "\n"


def text_of(name):
    with open(os.path.join(SOURCE, name), encoding="utf-8") as f:
        return f.read()


def help_of(command):
    """The option's help by its name, in one line."""
    lines = run(command, "--help").split("\noptions:\n")[1]
    found = {}
    for line in lines.splitlines():
        head = re.match(r"  --?([\w-]+)( \S+)* +", line)
        if head and not line.startswith("   "):
            name = head.group(1)
            found[name] = line
        else:
            found[name] += " " + line.strip()
    return found


def default_of(command, option):
    return re.search(r"\(default ([^);]+)", help_of(command)[option]).group(1)


class Document(unittest.TestCase):
    def test_the_page_is_what_help_prints(self):
        self.assertEqual(PAGE.parts()[1], made(), __doc__)

    def test_options_named_anywhere_exist(self):
        known = {o for c in commands() for o in re.findall(r"(?<![\w-])--?([a-z][\w-]*)", run(c, "--help"))}
        known |= {"help", "version"}
        others = {"asan", "preset", "build", "update", "parallel", "workflow", "test", "install", "target",
                  "output-on-failure"}  # of bootstrap, cmake and ctest
        n = 0
        for name in ["README.md"] + [f"docs/{n}" for n in os.listdir(os.path.join(SOURCE, "docs"))
                                     if n.endswith(".md") and n not in ("commands.md", "design.md")]:
            for line in re.findall(r"murid (?:%s)\b[^`\n|]*" % "|".join(commands()), text_of(name)):
                for option in re.findall(r"(?<![\w-])--([a-z][\w-]*)", line):
                    n += 1
                    self.assertIn(option, known | others, f"{name}: {line}")
        self.assertGreater(n, 50)


class Defaults(unittest.TestCase):
    """Each is read where it is set, and compared with what is said of it."""

    def test_those_of_a_fit_are_what_a_fit_is_done_with(self):
        with tempfile.TemporaryDirectory() as directory:
            table = os.path.join(directory, "t.csv")
            run("simulate", "--mice", "2", "--trials", "60", "-o", table)
            for rule, mode, place in (("rnn", "ekf", 0), ("rnn", "none", 1)):
                done = subprocess.Popen([MURID, "fit", table, "-o", os.path.join(directory, "m"), "--rule", rule,
                                         "--filter", mode, "--epochs", "1", "--force"], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
                done.communicate(timeout=120)
                meta = run("model", os.path.join(directory, "m"))
                words = dict(re.findall(r"(\w[\w-]*) ([^\s,]+)", re.search(r"(?m)^note +(.*)$", meta).group(1)))
                for option in ("hidden", "layers", "truncation", "batch", "rate", "filter-rate", "weight-decay",
                               "schedule", "mirror", "patience"):
                    said = help_of("fit")[option]
                    usual = re.search(r"\(default ([\w.]+)(?:; open loop ([\w.]+))?\)", said)
                    self.assertTrue(usual, said)
                    in_filter, open_loop = usual.groups()
                    expected = (in_filter, open_loop or in_filter)[place]
                    if option in ("rate", "filter-rate", "weight-decay"):
                        self.assertAlmostEqual(float(words[option]), float(expected), places=12)
                    else:
                        self.assertEqual(words[option], expected, option)

    def test_those_of_advice_are_those_of_its_page(self):
        rows = dict(re.findall(r"(?m)^\| (largest_change|reward_floor|horizon)[^|]*\| ([\d.]+)", text_of("docs/advice.md")))
        self.assertEqual(len(rows), 3)
        for name, value in rows.items():
            self.assertEqual(default_of("advise", name.replace("_", "-")), value, name)

    def test_those_of_engagement_are_those_of_the_code(self):
        code = text_of("model/src/twin/engagement.c").split("model_engagement_default", 1)[1]
        table = text_of("docs/model.md").split("| parameter | default | why |", 1)[1].split("\n\n")[0]
        n = 0
        for name, value in re.findall(r"(?m)^\| (slip|habit_trials, habit|rt_weight|lapses|no_go, no_go_away) \| ([\d., ]+) \|",
                                      table):
            for key, number in zip(name.split(", "), value.split(", ")):
                n += 1
                self.assertRegex(code, rf"\.{key} = {re.escape(number.strip())}\b", key)
        self.assertEqual(n, 7)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        PAGE.update(made())
        sys.exit(0)
    unittest.main()
