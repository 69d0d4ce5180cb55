"""Session files of pyControl: what pyControl 2.0.2 wrote, read independently, and files that are not as they should
be."""
import glob
import json
import math
import os
import unittest

import skips
from rig_rows import check_malformed, differ, read

DATA = os.path.join(os.environ["MURID_SOURCE_DIR"], "..", "shared", "data", "rigs", "pycontrol")

SIDE = {"left": 0.0, "right": 1.0}
HEAD = "time\ttype\tsubtype\tcontent\n"
INFO = HEAD + "".join(f"0.000\tinfo\t{name}\t{value}\n" for name, value in
                      [("task_name", "reversal_learning"), ("subject_id", "m1"),
                       ("start_time", "2026-01-02T03:04:05.000")])


def row(n, choice='"left"', outcome="true", side='"left"', time="1.250"):
    return f'{time}\tvariable\tprint\t{{"n_trials": {n}, "choice": {choice}, "outcome": {outcome}, "good_side": {side}}}\n'


GOOD = INFO + "1.000\tstate\t\tchoice_state\n" + row(1) + row(2)
OLD = ("I Experiment name : e\nI Task name : reversal_learning\nI Subject ID : m1\nI Start date : 2018/07/17 15:30:12\n\n"
       'S {"init_trial": 1, "choice_state": 2}\n\nE {"left_poke": 3}\n\nD 0 1\nD 1000 2\n'
       "P 1250 T#:1 R#:0 B#:0 C:1 O:0 S:0 A:0.53\nP 2250 T#:2 R#:0 B#:0 C:0 O:0 S:0 A:0.53\n")
LINE = r"PATH:8: "  # behind GOOD


# What is wrong, what is said of it, and how many trials are read; None: the two before.
MALFORMED = {
    "no rows": (HEAD, "no trials", 0),
    "columns of other names": ("time\ttype\tname\tnothing\n" + GOOD, r"PATH:1: the line does not name the columns; time, type",
                               0),
    "no column of types": ("type\ttime\tcontents\n" + GOOD, r"PATH:1: the line does not name the columns", 0),
    "a row of two fields": (GOOD + "2.000\tstate\n", LINE + "the line has 2 of its 4 fields; a field for each", None),
    "a row of three fields": (GOOD + "2.000\tstate\tx\n", LINE + "the line has 3 of its 4 fields", None),
    "spaces for tabs": (GOOD + "2.000 state x y\n", LINE + "the line has 1 of its 4 fields", None),
    "a time that is no number": (GOOD + row(3, time="soon"), LINE + "byte 0: the time is no number; seconds", None),
    "a time that is not finite": (GOOD + row(3, time="nan"), LINE + "byte 0: the time is no number", None),
    "an empty time": (GOOD + row(3, time=""), LINE + "byte 0: the time is no number", None),
    "half a JSON object": (GOOD + '2.0\tvariable\tprint\t{"n_trials": 3, "choice": "le\n',
                           LINE + "byte [0-9]+: it is not complete; a map of keys and values", None),
    "JSON in quotes of Python": (GOOD + "2.0\tvariable\tprint\t{'n_trials': 3}\n", LINE + "byte [0-9]+: it is not well formed", None),
    "JSON with more behind": (GOOD + row(3)[:-1] + "x\n", LINE + "byte [0-9]+: it is not well formed", None),
    "a choice of another word": (GOOD + row(3, choice='"middle"'),
                                 LINE + r'choice: "middle" in choice; right or left as it is coded was expected: say how', None),
    "a choice as a number": (GOOD + row(3, choice="2"), LINE + 'choice: "2" in choice; right or left', None),
    "a choice as a list": (GOOD + row(3, choice='["left"]'), LINE + "byte 47: choice is a list; the path of one value", None),
    "a choice that is long": (GOOD + row(3, choice=f'"{"l" * 200}"'), LINE + "byte 47: choice is too long a text; at most 127", None),
    "a side of another word": (GOOD + row(3, side='"up"'), LINE + 'side: "up" in good_side; right or left', None),
    "an outcome of another word": (GOOD + row(3, outcome='"maybe"'), LINE + 'reward: "maybe" in outcome; yes or no', None),
    "an outcome above 1": (GOOD + row(3, outcome="7"), LINE + 'reward: "7" in outcome; yes or no', None),
    "a trial's number that is none": (GOOD + row('"three"'), LINE + 'trial: "three" in n_trials; a whole number', None),
    "a trial's number below 0": (GOOD + row(-3), LINE + 'trial: "-3" in n_trials; a whole number', None),
    "a trial's number with a half": (GOOD + row(2.5), LINE + 'trial: "2.5" in n_trials; a whole number', None),
    "a last line without an end": (GOOD + row(3)[:-1], LINE + "the last line, of [0-9]+ bytes, has no end yet", None),
    "a task without a mapping": (GOOD.replace("reversal_learning", "my_task"),
                                 r'PATH: no mapping is known for the task "my_task"; one that says', 0),
    "no task": (GOOD.replace("task_name", "task"), 'no mapping is known for the task ""', 0),
    "1: a number that is of nothing": (OLD + "D 3000 9\n", r"PATH:14: the number is of no state or event; one of those", None),
    "1: a number that is none": (OLD + "D 3000 x\n", r"PATH:14: the number is of no state or event", None),
    "1: a time that is none": (OLD + "P soon T#:3 C:1\n", r"PATH:14: byte 2: the time is no number; milliseconds", None),
    "1: a list of states that is none": (OLD.replace('"init_trial": 1', "init_trial"),
                                         r"PATH:6: byte 3: no name with its number", None),
    "1: a choice of another number": (OLD + "P 3000 T#:3 R#:0 B#:0 C:5 O:0 S:0 A:0\n", r'PATH:14: choice: "5" in C; right or left as',
                                      None),
}


def read_tsv(path):
    """The trials of a file as pyControl's own columns have them."""
    trials, info, entered = [], {}, math.nan
    with open(path) as f:
        next(f)
        for line in f:
            time, kind, subtype, content = line.rstrip("\n").split("\t")
            if kind == "info":
                info[subtype] = content
            elif kind == "state" and content == "choice_state":
                entered = float(time)
            elif (kind, subtype) == ("variable", "print"):
                said = json.loads(content)
                trials.append({"subject": info["subject_id"], "session": info["start_time"][:10] + os.path.basename(path)[-11:-4],
                               "trial": float(said["n_trials"]), "stimulus": 0.0, "choice": SIDE[said["choice"]],
                               "side": SIDE[said["good_side"]], "reward": float(said["outcome"]),
                               "rt_s": float(time) - entered, "task": info["task_name"]})
    return trials


class PyControl(unittest.TestCase):
    @unittest.skipUnless(os.path.isdir(DATA), "../shared/data absent")
    def test_trials_are_those_of_an_independent_reading(self):
        expected = [trial for path in sorted(glob.glob(DATA + "/*.tsv")) for trial in read_tsv(path)]
        rows, lines = read(DATA)
        self.assertEqual(len(rows), 287)
        self.assertEqual(differ(rows, expected), "")
        self.assertEqual(lines, ["murid: PATH: pyControl 2.0.2, 1 session of m12, 287 trials, mapping reversal_learning"])

    def test_malformed_files_are_named_and_what_was_read_before_stays(self):
        check_malformed(self, MALFORMED, "-2026-01-02-030405.tsv", 2)


if __name__ == "__main__":
    skips.main()
