"""Every command that reads a trial table, given wrong ones: each is named in one line with the place and the
remedy, `--strict` ends with 2 and leaves nothing, and a right table is passed over in silence."""
import gzip
import io
import json
import os
import random
import re
import sqlite3
import subprocess
import tempfile
import unittest
import zipfile

import numpy

import skips
from daemon import MURID, Daemon

SOURCE = os.environ["MURID_SOURCE_DIR"]
SHARED = os.path.join(SOURCE, "..", "shared", "data")
PROTOCOLS = os.path.join(SOURCE, "configs", "protocols")
DEMO = os.path.join(SOURCE, "configs", "demo", "virtual_mouse.csv")
MODEL = os.path.join(SOURCE, "configs", "models", "mice.safetensors")
COLUMNS = ["subject", "session", "trial", "stimulus", "choice", "reward", "rt_s", "side", "repeat", "p_left"]

# How each command reads the table TABLE, and what it is asked to write. `play` reads the table before its key,
# and has none.
NO_KEY = os.path.join(SOURCE, "LICENSE")
COMMANDS = {
    "eval": ["eval", "TABLE"],
    "compare": ["compare", "reinforce", "TABLE", "--csv", "OUT"],
    "fit": ["fit", "TABLE", "--rule", "none", "-o", "OUT"],
    "status": ["status", "TABLE", "--plot", "OUT"],
    "audit": ["audit", os.path.join(PROTOCOLS, "ibl_biased.yaml"), "TABLE"],
    "forecast": ["forecast", "TABLE", "--rollouts", "20", "--horizon", "20", "--window", "10", "--plot", "OUT"],
    "advise": ["advise", "TABLE", "--protocol", os.path.join(PROTOCOLS, "ibl_biased.yaml"), "--rollouts", "16",
               "--horizon", "20", "--plot", "OUT"],
    "play": ["play", "TABLE", "--key", NO_KEY, "--server-key", NO_KEY],
}
NO_LUCK = rf"murid: (?:--[a-z-]+: )?{re.escape(NO_KEY)}.*"
TAKE_JOURNALS = ("status", "audit", "forecast", "advise")


def right_rows(n_sessions=4, n=270, seed=5):
    """One animal that knows the task, with a bias, a lapse now and then, and no answer now and then."""
    draw = random.Random(seed)
    rows = []
    for session in range(n_sessions):
        for trial in range(n):
            stimulus = draw.choice([-1, -0.5, -0.25, -0.125, -0.0625, 0, 0.0625, 0.125, 0.25, 0.5, 1])
            side = int(stimulus > 0) if stimulus else draw.randrange(2)
            choice = side if draw.random() < 0.6 + 0.3 * abs(stimulus) else draw.choice([0, 1, 1])
            choice = "" if draw.random() < 0.02 else choice
            rows.append(dict(subject="m1", session=f"2026-11-{session + 1:02}", trial=trial, stimulus=stimulus,
                             choice=choice, reward=int(choice == side), rt_s=round(draw.uniform(0.2, 2), 3),
                             side=side, repeat=0, p_left=0.5))
    return rows


def text(rows, columns=None, between=",", header=None):
    columns = columns or list(rows[0])
    lines = [header if header is not None else between.join(columns)]
    lines += [between.join(str(row[c]) for c in columns) for row in rows]
    return "\n".join(line for line in lines if line) + "\n"


def each(rows, **changes):
    """The rows with columns made anew from the row."""
    return [{**row, **{name: new(row) for name, new in changes.items()}} for row in rows]


def without(*names):
    return [c for c in COLUMNS if c not in names]


def shuffled(rows):
    return random.Random(1).sample(rows, len(rows))


def moved(rows, of, to):
    rest = rows[:of] + rows[of + 1:]
    return rest[:to] + [rows[of]] + rest[to:]


ROWS = right_rows()
UNSIGNED = each(ROWS, stimulus=lambda r: abs(r["stimulus"]))
NEGATIVE = next(i for i, r in enumerate(ROWS) if r["stimulus"] < 0)

# What is wrong: the table, and the line: the number of the line, what is said of it, and the remedy.
LIKELY_WRONG = {
    "shuffled": (text(shuffled(ROWS)), r"\d+", r"comes after (?:trial \d+|another session's).*of 1080\)", "sort the rows"),
    "backward": (text(ROWS[::-1]), 3, r"trial 268 comes after trial 269.*first of 1076 such rows of 1080",
                 "sort the rows"),
    "a row too late": (text(moved(ROWS, 5, 60)), 62, "trial 5 comes after trial 60.*first of 1 such",
                       "sort the rows"),
    "a session torn apart": (text(ROWS[:60] + ROWS[270:] + ROWS[60:270]), 872,
                             "trial 60 comes after another session's.*first of 1 such", "sort the rows"),
    "each row twice": (text([r for r in ROWS for _ in range(2)]), 3,
                       "trial 0 appears twice.*first of 1080 such rows of 2160, all with the same contents",
                       "keep each once"),
    "appended to itself": (text(ROWS + ROWS), 1082,
                           "trial 0 appears twice.*first of 1080 such rows of 2160, all with the same contents",
                           "keep each once"),
    "one row twice": (text(ROWS[:51] + ROWS[50:]), 53, "trial 50 appears twice.*first of 1 such rows of 1081",
                      "keep each once"),
    "a row twice, otherwise": (text(ROWS[:51] + each(ROWS[50:51], rt_s=lambda r: 3.0) + ROWS[51:]), 53,
                               "trial 50 appears twice.*1 with other contents", "the right one"),
    "days of one name": (text(each(ROWS, session=lambda r: "001")), 272,
                         r"session 001: trial 0 comes after trial 269: the numbers restart under one name "
                         r"\(the first of 3 such places in 1080 rows\)", "such as its date"),
    "days of one name, with gaps": (text(each(ROWS[::3], session=lambda r: "001")), 92,
                                    "the numbers restart under one name", "such as its date"),
    "choices reversed": (text(each(ROWS, choice=lambda r: r["choice"] if r["choice"] == "" else 1 - r["choice"])),
                         r"\d+", "choices look reversed", "choice is 1 right, 0 left"),
    "choices reversed, alone": (text(each(ROWS, choice=lambda r: r["choice"] if r["choice"] == "" else
                                          1 - r["choice"]), without("reward", "side", "repeat", "p_left")),
                                r"\d+", "choices look reversed", "IBL's -1 is right"),
    "sides reversed": (text(each(ROWS, side=lambda r: 1 - r["side"])), r"\d+",
                       r"side contradicts the sign of stimulus \((\d+) of \1 rows", "1 right, 0 left"),
    "a side wrong": (text(each(ROWS[:NEGATIVE], side=lambda r: r["side"]) +
                          each(ROWS[NEGATIVE:NEGATIVE + 1], side=lambda r: 1) + ROWS[NEGATIVE + 1:]), NEGATIVE + 2,
                     r"side contradicts the sign of stimulus \(1 of ", "flip the one that is wrong"),
    "rewards reversed": (text(each(ROWS, reward=lambda r: 1 - r["reward"])), r"\d+",
                         "wrong choices are rewarded and right ones are not", "flip the one that is reversed"),
    "unsigned": (text(UNSIGNED), r"\d+", "stimulus is never negative", r"stimulus = side \? s : -s"),
    "unsigned, without side": (text(UNSIGNED, without("side", "p_left")), r"\d+", "stimulus is never negative",
                               "left negative"),
    "unsigned, choices alone": (text(UNSIGNED, COLUMNS[:5]), r"\d+", "stimulus is never negative", "left negative"),
    "all right": (text(each(ROWS, choice=lambda r: 1, reward=lambda r: r["side"])), 2, "every choice is right",
                  "whether left ones were lost"),
    "all left": (text(each(ROWS, choice=lambda r: 0, reward=lambda r: 1 - r["side"])), 2, "every choice is left",
                 "whether right ones were lost"),
    "no choices": (text(each(ROWS, choice=lambda r: "", reward=lambda r: 0)), 2, "no trial ended in a choice",
                   "whether choices were lost"),
    "a column of another name": (text(ROWS, header=",".join(COLUMNS).replace("reward", "Reward")), 1,
                                 'column "Reward" is ignored; reward is read', "rename it"),
    "milliseconds": (text(each(ROWS, rt_s=lambda r: round(1000 * r["rt_s"]))), 2, "rt_s looks like milliseconds, or a clock's time",
                     "divide it by 1000"),
}


def words(row):
    return {"": "none", 0: "left", 1: "right"}[row["choice"]]


def saved(save):
    out = io.BytesIO()
    save(out)
    return out.getvalue()


def zipped(name):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as z:
        z.writestr(name, b"x" * 100)
    return out.getvalue()


def read(path):
    with open(path, "rb") as f:
        return f.read()


RIGHT = text(ROWS)
COMMAS = ['"' + str(r["stimulus"]).replace(".", ",") + '"' for r in ROWS]
FIRST_HALF = next(i for i, r in enumerate(ROWS) if "." in str(r["stimulus"]))

# What cannot be read: bytes or text, the line or None, what is said, and the remedy.
UNREADABLE = {
    "percent": (text(each(ROWS, stimulus=lambda r: 100 * r["stimulus"])), r"\d+",
                "column stimulus: .* is not a number from -1 to 1: it looks like percent", "by 100"),
    "choice -1 and 1": (text(each(ROWS, choice=lambda r: {"": 0, 0: -1, 1: 1}[r["choice"]])), r"\d+",
                        "it looks like -1 and 1", "--map coding.choice=-1/1/0"),
    "choice 1 and 2": (text(each(ROWS, choice=lambda r: {"": 0, 0: 1, 1: 2}[r["choice"]])), r"\d+",
                       "it looks like 1 and 2", "--map coding.choice=2/1"),
    "choice in words": (text(each(ROWS, choice=words)), 2, "column choice: .* it looks like a word",
                        "write 1 for right, 0 for left"),
    "microlitres": (text(each(ROWS, reward=lambda r: 3 * r["reward"])), r"\d+",
                    "it looks like a volume in microlitres", "write 1 for a rewarded trial"),
    "feedback": (text(each(ROWS, reward=lambda r: 2 * r["reward"] - 1)), r"\d+", "it looks like feedback",
                 "write 1 for a rewarded trial"),
    "p_left in percent": (text(each(ROWS, p_left=lambda r: 50)), 2, "column p_left: .* it looks like percent",
                          "by 100"),
    "clock times": (text(each(ROWS, rt_s=lambda r: 1e6 + r["trial"])), 2, "it looks like milliseconds", "by 1000"),
    "semicolons": (text(ROWS, between=";"), 1, "columns are separated by semicolons", "use commas"),
    "tabs": (text(ROWS, between="\t"), 1, "columns are separated by tabs", "use commas"),
    "bars": (text(ROWS, between="|"), 1, "columns are separated by bars", "use commas"),
    "spaces": (text(ROWS, between=" "), 1, "columns are separated by spaces", "use commas"),
    "decimal commas": (text(each(ROWS, stimulus=lambda r: COMMAS[ROWS.index(r)])), FIRST_HALF + 2,
                       "column stimulus: .*,", "write a point, not a comma"),
    "capitals": (text(ROWS, header=",".join(c.capitalize() for c in COLUMNS)), 1, "no column subject; \"Subject\"",
                 "rename it subject"),
    "mouse": (text(ROWS, header=",".join(["mouse"] + COLUMNS[1:])), 1, "no column subject; \"mouse\" looks like it",
              "rename it subject"),
    "session_id": (text(ROWS, header=RIGHT.split("\n")[0].replace("session", "session_id")), 1,
                   "no column session; \"session_id\" looks like it", "rename it session"),
    "trial_num": (text(ROWS, header=RIGHT.split("\n")[0].replace("trial", "trial_num")), 1,
                  "no column trial; \"trial_num\" looks like it", "rename it trial"),
    "contrast": (text(ROWS, header=RIGHT.split("\n")[0].replace("stimulus", "signed_contrast")), 1,
                 "no column stimulus; \"signed_contrast\" looks like it", "rename it stimulus"),
    "response": (text(ROWS, header=RIGHT.split("\n")[0].replace("choice", "response")), 1,
                 "no column choice; \"response\" looks like it", "rename it choice"),
    "a slip": (text(ROWS, header=RIGHT.split("\n")[0].replace("choice", "chioce")), 1,
               "no column choice; \"chioce\" looks like it", "rename it choice"),
    "spaces after commas": (text(ROWS, header=", ".join(COLUMNS)), 1, "\" session\" looks like it",
                            "rename it session"),
    "no header": (text(ROWS, header=""), 1, "the first line looks like a trial", "put the names of the columns above"),
    "IBL's columns": ("date,task,trial,choice,contrastLeft,contrastRight,feedbackType\n2026-11-29,x,1,1,1,nan,1\n", 1,
                      "it looks like IBL's trials", "read it with --map ibl"),
    "empty": ("", 1, "the file is empty", "a header with the columns"),
    "a mouse of two words": (text(each(ROWS, subject=lambda r: "mouse 1")), 2, "\"mouse 1\" is not a name",
                             "put - or _"),
    "UTF-16": (RIGHT.encode("utf-16"), None, "is text in UTF-16", "save it as UTF-8"),
    "gzip": (gzip.compress(RIGHT.encode()), None, "is a compressed file", "decompress it"),
    "iblrig": (json.dumps({"contrast": 1.0, "position": 35.0, "stim_probability_left": 0.5, "trial_num": 1,
                           "behavior_data": {"x": [0.0] * 2000}}) + "\n", None, "is a data file of iblrig",
               "write its trials to a CSV"),
    "JSON": (json.dumps(ROWS[:9]), None, "is JSON", "write its trials to a CSV"),
    "YAML": ("trials:\n  - {subject: m1}\n", None, "is YAML", "write its trials to a CSV"),
    "pyControl": ("time\ttype\tsubtype\tcontent\n0.000\tinfo\ttask_name\tx\n", None, "is a data file of pyControl",
                  "write its trials to a CSV"),
    "NumPy": (saved(lambda f: numpy.save(f, numpy.zeros(9))), None, "is a NumPy array", "write its trials to a CSV"),
    "npz": (saved(lambda f: numpy.savez(f, x=numpy.zeros(9))), None, "is a ZIP archive", "write its trials to a CSV"),
    "Excel": (zipped("[Content_Types].xml"), None, "is an Excel workbook", "save its sheet as CSV"),
    "MATLAB": (b"MATLAB 5.0 MAT-file, Platform: PCWIN64".ljust(124) + b"\0\1IM" + bytes(64), None, "is a MATLAB file",
               "write its trials to a CSV"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(64), None, "is an HDF5 file", "write its trials to a CSV"),
    "Parquet": (b"PAR1\x15\4" + bytes(64), None, "is a Parquet file", "write its trials to a CSV"),
    "model": (read(MODEL), None, "is a model file", "--model"),
    "protocol": (read(os.path.join(PROTOCOLS, "go_nogo.yaml")), None, "is a protocol", "--protocol"),
    "configuration": (read(os.path.join(SOURCE, "configs", "demo.yaml")), None, "is a configuration", "-c"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(64), None, "is a picture", "the table that it was made from"),
    "SVG": ("<svg xmlns='http://www.w3.org/2000/svg'></svg>\n", None, "is a figure", "the table that it was made from"),
    "HTML": ("<!DOCTYPE html>\n<html></html>\n", None, "is a page in HTML", "the table that it was made from"),
    "bytes": (bytes(range(1, 9)) + bytes(64), None, "is a file of bytes", "write its trials to a CSV"),
}


class Tables(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, content):
        path = self.path("t.csv")
        with open(path, "wb") as f:
            f.write(content.encode() if isinstance(content, str) else content)
        return path

    def run_on(self, command, table, *more, stdin=None):
        if os.path.exists(self.path("out")):
            os.remove(self.path("out"))
        arguments = [{"TABLE": table, "OUT": self.path("out")}.get(a, a) for a in COMMANDS[command]]
        done = subprocess.run([MURID, *arguments, *more], capture_output=True, timeout=120, stdin=stdin)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        return done

    def assert_line(self, done, path, line, what, remedy, prefix):
        place = re.escape(path) + (f":{line}" if line is not None else "") + ": "
        found = [said for said in done.stderr.splitlines() if re.match(rf"murid: {prefix}{place}.*{what}", said)]
        self.assertEqual(len(found), 1, done.stderr)
        self.assertRegex(found[0], remedy)
        self.assertLess(len(found[0]), 700)

    def test_every_command_that_reads_tables_is_in_the_list(self):
        commands = re.findall(r"(?m)^  (\w+) +\w", subprocess.run([MURID, "--help"], capture_output=True, text=True,
                                                                  check=True).stdout.split("\n\n")[2])
        self.assertGreater(len(commands), 15)
        reading = {c for c in commands
                   if "DATA" in subprocess.run([MURID, c, "--help"], capture_output=True, text=True,
                                               check=True).stdout.split("\n\n")[0]}
        self.assertEqual(reading, set(COMMANDS), "these commands read a table: say in COMMANDS of this file how")

    def test_what_is_likely_wrong_is_warned_of_in_one_line_and_changes_nothing(self):
        for name, (content, line, what, remedy) in LIKELY_WRONG.items():
            path = self.write(content)
            for command in COMMANDS:
                with self.subTest(table=name, command=command):
                    done = self.run_on(command, path)
                    self.assert_line(done, path, line, what, remedy, "warning: ")
                    self.assertEqual(len(re.findall("(?m)^murid: warning: " + re.escape(path), done.stderr)), 1,
                                     done.stderr)
                    if command == "play":
                        self.assertRegex(done.stderr.splitlines()[-1], NO_LUCK)
                    elif name != "no choices" or command not in ("compare", "fit", "forecast"):
                        self.assertIn(done.returncode, (0, 1) if command == "audit" else (0,), done.stderr)
                        self.assertNotEqual(done.stdout, "")

    def test_strict_makes_an_error_of_it_and_nothing_is_written(self):
        for name, (content, line, what, remedy) in LIKELY_WRONG.items():
            path = self.write(content)
            for command in COMMANDS:
                with self.subTest(table=name, command=command):
                    done = self.run_on(command, path, "--strict")
                    self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                    self.assertNotIn("warning", done.stderr)
                    self.assert_line(done, path, line, what, remedy, "")
                    self.assertEqual(os.listdir(self.directory), ["t.csv"])

    def test_what_cannot_be_read_is_named_with_its_remedy(self):
        for name, (content, line, what, remedy) in UNREADABLE.items():
            path = self.write(content)
            for command in COMMANDS:
                with self.subTest(table=name, command=command):
                    done = self.run_on(command, path)
                    self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                    self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                    self.assert_line(done, path, line, what, remedy, "")
                    self.assertEqual(os.listdir(self.directory), ["t.csv"])

    def test_the_same_is_said_of_what_comes_through_a_pipe(self):
        for name, (content, line, what, remedy) in {**LIKELY_WRONG, **UNREADABLE}.items():
            if name in ("protocol", "configuration"):
                continue  # their first line tells nothing
            path = self.write(content)
            with self.subTest(table=name), open(path, "rb") as f:
                piped = subprocess.run(f"cat '{path}' | '{MURID}' eval - --strict", shell=True, capture_output=True,
                                       timeout=60)
                piped.stderr = piped.stderr.decode()
                self.assertEqual((piped.returncode, piped.stdout), (2, b""), piped.stderr)
                self.assert_line(piped, "standard input", line, what, remedy, "")

    def test_a_journal_is_named_where_a_table_is_wanted(self):
        journal = self.path("journal.sqlite")
        with sqlite3.connect(journal) as db:
            db.execute("CREATE TABLE t (x)")
        for command in set(COMMANDS) - set(TAKE_JOURNALS):
            for path, what in ((journal, "is a journal"), (self.directory, "is a data directory, with a journal")):
                done = self.run_on(command, path)
                self.assertEqual(done.returncode, 2)
                self.assert_line(done, path, None, what, "docs/journal.md", "")

    def assert_silent(self, command, path):
        for more in ([], ["--strict"]):
            done = self.run_on(command, path, *more)
            with self.subTest(table=path, command=command, more=more):
                self.assertRegex(done.stderr, rf"\A{NO_LUCK}\n\Z" if command == "play" else r"\A\Z")
                self.assertIn(done.returncode, {"audit": (0, 1), "play": (2,)}.get(command, (0,)))

    def test_a_right_table_is_passed_over_in_silence(self):
        path = self.write(RIGHT)
        for command in COMMANDS:
            self.assert_silent(command, path)
        for columns in (COLUMNS[:5], without("side"), without("repeat", "reward"), COLUMNS[::-1]):
            self.assert_silent("eval", self.write(text(ROWS, columns)))

    def test_what_murid_simulate_writes_of_every_protocol_is_right(self):
        for protocol in sorted(os.listdir(PROTOCOLS)):
            for rule, seed in ((["--rule", "reinforce", "--rate", "0.05"], "1"), (["--rule", "eligibility", "--rate", "0.02"], "2")):
                path = self.path(f"{protocol}.{seed}.csv")
                subprocess.run([MURID, "simulate", *rule, "--protocol", os.path.join(PROTOCOLS, protocol), "--mice", "4",
                                "--sessions", "6", "--seed", seed, "-o", path], check=True, capture_output=True)
                done = self.run_on("eval", path, "--strict")
                self.assertEqual((done.returncode, done.stderr), (0, ""), (protocol, rule))

    def test_recorded_and_shipped_animals_are_right(self):
        self.assert_silent("eval", DEMO)
        if not os.path.isdir(SHARED):
            self.skipTest("skipped: ../shared/data absent")
        for name in ("mice_train.csv", "ibl_trained_fit.csv"):
            done = self.run_on("status", os.path.join(SHARED, name), "--strict")
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)

    def test_tasks_that_only_look_odd_are_not_accused(self):
        draw = random.Random(7)
        always_right = each(ROWS, choice=lambda r: 1 if draw.random() < 0.97 else 0,
                            side=lambda r: r["side"])
        odd = {
            "rewards at random": each(ROWS, reward=lambda r: draw.randrange(2)),
            "eight of ten rewarded": each(ROWS, reward=lambda r: int(draw.random() < (0.8 if r["choice"] == r["side"]
                                                                                       else 0.2))),
            "a strong bias": each(always_right, reward=lambda r: int(r["choice"] == r["side"])),
            "right stimuli alone": [r for r in ROWS if r["side"] == 1],
            "yes and no": each([r for r in ROWS if r["stimulus"] >= 0], choice=lambda r: int(r["stimulus"] > 0),
                               side=lambda r: int(r["stimulus"] > 0), reward=lambda r: 1),
            "go, or nothing": each(ROWS, choice=lambda r: 1 if r["stimulus"] > 0 else "", reward=lambda r: 1),
            "guesses": each(ROWS, choice=lambda r: draw.randrange(2), reward=lambda r: ""),
            "numbers that go on": each(ROWS, trial=lambda r: ROWS.index(r) + 1),
        }
        for name, rows in odd.items():
            with self.subTest(table=name):
                done = self.run_on("eval", self.write(text(rows)), "--strict")
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_an_animal_repeats_its_errors_under_correction_trials_and_is_not_accused(self):
        for seed in range(5):
            draw = random.Random(seed)
            rows, side, prefers = [], 0, 1
            for trial in range(2000):
                prefers = 1 - prefers if draw.random() < 0.02 else prefers
                choice = prefers
                rows.append(dict(subject="m1", session="s1", trial=trial, stimulus=2 * side - 1, choice=choice,
                                 reward=int(choice == side)))
                side = draw.randrange(2) if choice == side else side
            done = self.run_on("eval", self.write(text(rows)), "--strict")
            self.assertEqual((done.returncode, done.stderr), (0, ""), seed)

    def test_animals_are_counted_and_the_first_is_named(self):
        rows = each(ROWS, subject=lambda r: "m0") + each(
            [r for a in ("m1", "m2") for r in each(ROWS, subject=lambda r, a=a: a)],
            choice=lambda r: r["choice"] if r["choice"] == "" else 1 - r["choice"])
        done = self.run_on("eval", self.write(text(rows)))
        self.assertRegex(done.stderr, r"^murid: warning: \S+:108\d: subject m1: choices look reversed.*2 of 3 animals")

    def test_a_warning_changes_no_result(self):
        path = self.write(text(ROWS + ROWS))
        before = self.run_on("eval", path).stdout
        plain = self.run_on("eval", self.write(text(ROWS + each(ROWS, session=lambda r: r["session"] + "b")))).stdout
        self.assertEqual(before, plain)  # as if they were other sessions

    def test_a_subject_that_is_not_there_ends_with_those_that_are(self):
        path = self.write(text([r for a in range(90) for r in each(ROWS[:3], subject=lambda r, a=a: f"m{a:02}")]))
        for command in ("status", "audit", "forecast", "advise", "play"):
            done = self.run_on(command, path, "--subject", "m99")
            self.assertEqual((done.returncode, done.stdout), (2, ""), command)
            self.assertRegex(done.stderr, r"^murid: \S+: no trials of m99; its animals: m00, m01, .* and \d+ "
                                          r"others\n$")
            self.assertLess(len(done.stderr), 500)

    def test_strict_plays_nothing_of_a_file_and_stops_a_pipe_where_it_is_wrong(self):
        bad = self.write(text(ROWS[:51] + ROWS[50:]))
        with Daemon() as daemon:
            to = ["--to", daemon.endpoint["ask"], "--asap"]
            done = subprocess.run([MURID, "play", bad, *to, "--strict"], capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            done = subprocess.run(f"cat '{bad}' | '{MURID}' play - {' '.join(to)} --strict", shell=True,
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertRegex(done.stdout, r"(?m)^51 trials are on disk")
            self.assertIn("standard input:53: subject m1, session 2026-11-01: trial 50 appears twice", done.stderr)
            for command in TAKE_JOURNALS:
                done = self.run_on(command, daemon.journal, "--subject", "m2")
                self.assertEqual(done.returncode, 2, (command, done.stderr))
                self.assertIn("no trials of m2; its animals: m1\n", done.stderr)
            done = subprocess.run(["cat", bad], capture_output=True)
            done = subprocess.run([MURID, "play", "-", *to, "--subject", "m2"], input=done.stdout, capture_output=True,
                                  timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"no trials of m2; its animals: m1\n", done.stderr)

    def test_what_nobody_would_write_is_bounded(self):
        draw = random.Random(3)
        lines = [f"m{draw.randrange(9)},s{draw.randrange(10**6)},{draw.randrange(10**9)},1,{draw.randrange(2)}\n"
                 for _ in range(200000)]
        path = self.write("subject,session,trial,stimulus,choice\n" + "".join(lines))
        before = os.times().children_user
        done = self.run_on("status", path, "--strict", "--subject", "m0")
        self.assertIn(done.returncode, (0, 2))
        self.assertLess(os.times().children_user - before, 60)


if __name__ == "__main__":
    skips.main()
