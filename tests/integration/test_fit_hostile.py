"""murid fit on what it should not be given: tables that are empty, thin, shuffled or enormous, rates that
blow up, states that are damaged, disks that are full. A clear line, no crash, nothing lost, and never a
model that is not finite."""
import array
import contextlib
import json
import math
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import threading
import time
import unittest

import skips
from fits import HEADER, MURID, SLOW, Table, table, tensors

SHARED = os.path.join(os.environ["MURID_SOURCE_DIR"], "..", "shared", "data", "mice_train.csv")
SMALL = ["--epochs", "2", "--hidden", "4"]
NETS = ("dnn", "rnn", "gru_policy", "dnn_gain", "rnn_gain")
RULES = ("none", "reinforce", "reinforce_base", "reward_max", "predict_max", "eligibility", "dnn", "rnn",
         "gru_policy", "dnn_gain", "rnn_gain")
NETS = RULES[-5:]


class Hostile(Table):
    def fit_text(self, text, *words, code=0):
        done = self.run_fit("-", "-o", self.path("m"), *words, stdin=text)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def assert_finite(self, name):
        with open(self.path(name), "rb") as f:
            size = int.from_bytes(f.read(8), "little")
            header = json.loads(f.read(size))
        for key, content in tensors(self.path(name)).items():
            values = array.array("f" if header[key]["dtype"] == "F32" else "d", content)
            self.assertTrue(all(map(math.isfinite, values)), key)


class Data(Hostile):
    def test_a_table_without_trials_is_refused(self):
        for text, expected in (("", "standard input:1: the file is empty; a header with the columns"),
                               ("\n", "standard input:1: no column subject"),
                               (HEADER, "standard input: no trials; rows under the header were"),
                               (HEADER + "m1,1,0,0.5,,,\n", "standard input: no trials that ended in"),
                               (HEADER + "m1,1,0,1.01,1,1,\n",
                                "standard input:2: column stimulus: \"1.01\" is not a number from -1 to 1"),
                               (HEADER + "m1,1,0,1,1,1,\nm1,1,1,-25,1,1,\n",
                                "standard input:3: column stimulus: \"-25\" is not a number from -1 to 1"),
                               (HEADER + "m1,1,0,1,1,1,0.3\nm1,1,1,1,1,1,inf\n",
                                "standard input:3: column rt_s: \"inf\" is not a number from 0 to 86400"),
                               (HEADER + "m1,1,0,1,1,1,-0.3\n", "standard input:2: column rt_s")):
            for words in (SMALL, ["--cv", "2", "--rule", "bank"]):
                done = self.fit_text(text, *words, code=2)
                self.assertEqual(done.stdout, "")
                self.assertIn(expected, done.stderr)
                self.assertEqual(os.listdir(self.directory.name), ["data.csv"])

    def test_one_trial_is_enough_for_a_fit_and_too_little_for_folds(self):
        text = HEADER + "m1,1,0,0.5,1,1,0.4\n"
        for rule in RULES:
            done = self.fit_text(text, "--rule", rule, *(SMALL if rule in NETS else []))
            self.assertIn("1 trials of 1 animals", done.stdout)
            self.assert_finite("m")
        self.fit_text(text, "--rule", "bank", "--seeds", "2", *SMALL)
        done = self.fit_text(text, "--cv", "5", code=2)
        self.assertIn("murid: 5 folds of 1 animals; at least as many animals as folds were expected\n",
                      done.stderr)

    def test_an_animal_without_a_choice_is_passed_over(self):
        lazy = "".join(f"m9,0,{t},0.5,,,\n" for t in range(60))
        found = json.loads(self.fit_text(table(animals=4, n=120, less=9) + lazy, "--cv", "2", "--rule", "bank",
                                         "--json", *SMALL).stdout)
        self.assertEqual(found["n_subjects"], 4)
        self.assertEqual(found["subjects"]["m9"]["n"], 0)
        self.assertEqual(set(found["subjects"]["m9"]["nats"]), {None})
        os.remove(self.path("m"))
        done = self.fit_text(table(animals=1, n=60) + lazy, "--cv", "2", "--rule", "none", code=2)
        self.assertRegex(done.stderr, r"(?m)^murid: only animals of fold [12] made choices; other animals "
                                      r"to train on were expected$")
        self.assertFalse(os.path.exists(self.path("m.fit")))

    def test_choices_that_are_all_the_same_are_warned_of_and_fitted(self):
        text = table(animals=4, n=120, less=9)
        for choice, word in (("0", "left"), ("1", "right")):
            rows = re.sub(r"(?m)^((?:[^,\n]*,){4})[01],[01]?,", rf"\g<1>{choice},1,", text)
            for words in (["--rule", "rnn"], ["--rule", "bank", "--cv", "2"],
                          ["--rule", "reinforce_base", "--filter", "none"],
                          ["--rule", "rnn", "--filter", "none", "--epochs", "2"]):
                done = self.fit_text(rows, *words, *(SMALL if "none" not in words else []))
                self.assertEqual(done.stderr.count(f": every choice is {word}"), 1)
                self.assert_finite("m")
        done = self.fit_text(rows, "--rule", "bank", "--cv", "2", "--json", *SMALL)
        self.assertTrue(all(0.0 <= m["nats"] < 1.0 for m in json.loads(done.stdout)["models"]))

    def test_unknown_reaction_times_are_no_numbers_and_no_trouble(self):
        text = table(animals=2, n=90)
        for unknown in ("NaN", "nan", "NA", ""):
            self.fit_text(text.replace(",0.5\n", f",{unknown}\n"), "--rule", "gru_policy", *SMALL)
            self.assert_finite("m")

    def test_a_named_pipe_is_read_once(self):
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        def write():
            with open(pipe, "w") as f:
                f.write(table())
        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        done = self.run_fit(pipe, "-o", self.path("a"), *SMALL)
        self.assertEqual(done.returncode, 0, done.stderr)
        writer.join()
        self.fit_text(table(), *SMALL)
        self.assertEqual(self.digest("a"), self.digest("m"))


class Order(Hostile):
    """A fit to shuffled trials is worth nothing: one warning, with the place, and how many."""

    LINE = (r"(?m)^murid: warning: standard input:{}: subject {}, session {}: trial {} {}; (?:each trial "
            r"once|the order in which the trials happened) was expected \(the first of {} such rows of {}[^)]*\): ")

    def assert_warned(self, text, *expected, words=("--rule", "none")):
        done = self.fit_text(text, *words)
        self.assertRegex(done.stderr, self.LINE.format(*expected))
        self.assertEqual(done.stderr.count("was expected (the first of"), 1)

    def setUp(self):
        super().setUp()
        self.rows = table(animals=2, n=120, less=20).splitlines(keepends=True)[1:]

    def join(self, rows):
        return HEADER + "".join(rows)

    def test_trials_in_order_are_not_warned_of(self):
        for rows in (self.rows, sorted(self.rows, key=lambda r: int(r.split(",")[1])), self.rows[::3]):
            self.assertNotIn("order", self.fit_text(self.join(rows), *SMALL).stderr)

    def test_nothing_is_warned_of_in_recorded_mice(self):
        if not os.path.exists(SHARED):
            self.skipTest("../shared/data absent")
        done = self.run_fit(SHARED, "-o", self.path("m"), "--rule", "none")
        self.assertEqual((done.returncode, re.findall("warning|error", done.stderr)), (0, []))

    def test_a_row_that_is_there_twice(self):
        rows = self.rows[:60] + self.rows[59:]
        self.assert_warned(self.join(rows), 62, "m0", "1", 9, "appears twice", 1, 221)
        self.assert_warned(self.join(rows), 62, "m0", "1", 9, "appears twice", 1, 221,
                           words=("--rule", "none", "--epochs", "1", "--cv", "2"))

    def test_a_table_that_was_appended_to_itself(self):
        self.assert_warned(self.join(self.rows * 2), 222, "m0", "0", 0, "appears twice", 220, 440)

    def test_shuffled_trials(self):
        random.Random(3).shuffle(self.rows)
        done = self.fit_text(self.join(self.rows), "--rule", "none")
        found = re.search(self.LINE.format("([0-9]+)", "(m[01])", "([0-9])", "([0-9]+)",
                                           "comes after (?:trial [0-9]+|another session's)", "([0-9]+)", 220),
                          done.stderr)
        line, subject, session, trial, count = found.groups()
        self.assertEqual(self.rows[int(line) - 2].split(",")[:3], [subject, session, trial])
        self.assertGreater(int(count), 150)

    def test_trials_of_a_session_that_were_sorted_the_wrong_way(self):
        self.assert_warned(self.join(self.rows[49::-1] + self.rows[50:]), 3, "m0", "0", 48,
                           "comes after trial 49", 49, 220)

    def test_sessions_that_are_mixed(self):
        rows = [r for pair in zip(self.rows[:50], self.rows[50:100]) for r in pair] + self.rows[100:]
        self.assert_warned(self.join(rows), 4, "m0", "0", 1, "comes after another session's", 98, 220)


class Large(Hostile):
    def test_a_million_rows(self):
        animals, n = 20, 5000 if SLOW else 50000
        with open(self.data, "w") as f:
            f.write(HEADER)
            tail = [f"{t // 500},{t % 500},{(t * 7919 % 9 - 4) / 4},{t * 7919 % 9 // 5},{t % 3 % 2},0.5\n"
                    for t in range(n)]
            for a in range(animals):
                f.writelines(f"m{a},{row}" for row in tail)
        begin = time.monotonic()
        done = self.run_fit(self.data, "-o", self.path("m"), "--rule", "rnn", "--epochs", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"\A((reading|fit): [^\n]+\n)*\Z")  # progress, on a slow machine
        self.assertIn(f"{animals * n} trials of {animals} animals", done.stdout)
        self.assert_finite("m")
        print(f"{animals * n} rows: {time.monotonic() - begin:.1f} s")

    def test_more_animals_than_there_may_be_are_told_with_the_line(self):
        rows = "".join(f"m{a},1,0,0.5,{a % 2},1,\n" for a in range(4097))
        self.assertIn("standard input:4098: more than 4096 subjects",
                      self.fit_text(HEADER + rows, *SMALL, code=2).stderr)
        done = self.fit_text(HEADER + rows[:rows.index("m4096")], "--rule", "rnn", *SMALL)
        self.assertIn("4096 trials of 4096 animals", done.stdout)


class Numbers(Hostile):
    def test_a_rate_that_blows_up_ends_with_a_clear_line_or_a_finite_model(self):
        ends = {0: 0, 1: 0}
        for rule in NETS:
            for mode in ("ekf", "none"):
                words = ["--rule", rule, "--filter", mode, "--rate", "1", "--epochs", "12" if SLOW else "40",
                         "--hidden", "4", "--batch", "1"] + (["--filter-rate", "10000"] if mode == "ekf" else [])
                done = self.run_fit(self.data, "-o", self.path("m"), *words)
                ends[done.returncode] += 1
                if done.returncode == 0:
                    self.assert_finite("m")
                    loss = float(done.stdout.split(": ")[1].split()[0])
                    self.assertTrue(math.isfinite(loss))
                    self.assertEqual("a loss above that of chance (0.6931)" in done.stderr, loss > 0.6931)
                    os.remove(self.path("m"))
                    continue
                self.assertRegex(done.stderr, r"(?m)^murid: (epoch [0-9]+: the loss or a gradient is not "
                                              r"finite; a smaller --rate may help|a weight reached \S+, outside "
                                              r"the range of a model|the loss of the last step is not finite)$")
                self.assertFalse(os.path.exists(self.path("m")))
                os.remove(self.path("m.fit"))
        print("ended with a model, with an error:", ends[0], ends[1])

    def test_among_many_fits_one_that_blows_up_ends_all_with_a_clear_line(self):
        done = self.run_fit(self.data, "-o", self.path("m"), "--rule", "bank", "--cv", "2", "--rate", "1",
                            "--filter-rate", "10000", "--epochs", "40", "--hidden", "4")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(len(re.findall("(?m)^murid: (?!warning)", done.stderr)), 1, done.stderr)
        self.assertFalse(os.path.exists(self.path("m")))


class State(Hostile):
    def stopped(self, *words):
        """The bytes of the state of a fit that was stopped in its first epochs, or soon after it went on."""
        losses = self.path("l.csv")
        process = subprocess.Popen([MURID, "fit", self.data, "-o", self.path("m"), *words, "--epochs",
                                    "1000000", "--losses", losses], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        before = os.path.getsize(losses) if "--resume" in words else 100
        while not (os.path.exists(losses) and os.path.getsize(losses) > before):
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn("with --resume continues", err)
        with open(self.path("m.fit"), "rb") as f:
            return f.read()

    def resume(self, content, *words):
        with open(self.path("m.fit"), "wb") as f:
            f.write(content)
        return self.run_fit(self.data, "-o", self.path("m"), *words, "--epochs", "1000000", "--resume")

    def test_damaged_anywhere_it_is_refused(self):
        words = ["--rule", "rnn", "--hidden", "4", "--policy", "stimulus,bias", "--batch", "0"]
        good = self.stopped(*words)
        draw = random.Random(int(os.environ.get("SEED", "1")))
        bad = [good[:n] for n in (0, 7, 8, 100, len(good) // 2, len(good) - 1)] + [good + b"\0"]
        for _ in range(10 if SLOW else 60):
            at = draw.randrange(len(good))
            bad.append(good[:at] + bytes([good[at] ^ 1 << draw.randrange(8)]) + good[at + 1:])
        nan = struct.pack("<f", math.nan)
        bad += [good[:-4] + nan, good.replace(b'"steps":"', b'"steps":"9'), good.replace(b"steps", b"stops")]
        for content in bad:
            done = self.resume(content, *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            self.assertRegex(done.stderr, r"(?m)^murid: \S*m\.fit: .+\n\Z")
        with open(self.path("m.fit"), "wb") as f:
            f.write(good)
        self.assertEqual(self.stopped(*words, "--resume")[:8], good[:8])

    def test_of_another_shape_it_is_refused(self):
        good = self.stopped("--rule", "rnn", "--hidden", "4")
        for words in (["--rule", "rnn", "--hidden", "5"], ["--rule", "dnn", "--hidden", "4"],
                      ["--rule", "rnn", "--hidden", "4", "--layers", "2"],
                      ["--rule", "rnn", "--hidden", "4", "--policy", "stimulus,bias"],
                      ["--rule", "rnn", "--hidden", "4", "--filter", "none"]):
            done = self.resume(good, *words)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, r"(?m)^murid: \S*m\.fit: of another fit, whose options was .+\n\Z")
        done = self.resume(good, "--cv", "2")
        self.assertEqual(done.returncode, 2)


def fill(directory):
    """Takes all the room there is."""
    path = os.path.join(directory, "filler")
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as f:
        while True:
            f.write(b"\x5a" * 4096)
    return path


class Disk(Hostile):
    def small_disk(self):
        """A file system of 2 MiB."""
        where = self.path("disk")
        os.mkdir(where)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", where], capture_output=True,
                              text=True)
        if done.returncode != 0:
            self.skipTest("no file system could be mounted: " + done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", where], check=True)
        return where

    def end_without_room(self, where, command):
        """Stops the command for as long as it takes to fill the disk."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        while not any(name.endswith((".fit", ".result")) for _, _, files in os.walk(where)
                      for name in files):
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        process.send_signal(signal.SIGSTOP)
        filler = fill(where)
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 1, err)
        self.assertRegex(err, r"(?m)^murid: .*cannot be written: No space left on device\n\Z")
        return filler

    def test_a_single_fit_can_be_gone_on_with_once_there_is_room(self):
        where = self.small_disk()
        out = os.path.join(where, "m")
        words = ["--rule", "rnn", "--hidden", "8", "--epochs", "40" if SLOW else "300"]
        losses = os.path.join(where, "l.csv")
        self.assertEqual(self.run_fit(self.data, "-o", self.path("whole"), *words).returncode, 0)
        for more in ([], ["--losses", losses]):
            filler = self.end_without_room(where, [MURID, "fit", self.data, "-o", out, *words, *more])
            self.assertEqual([n for n in os.listdir(where) if n.endswith(".tmp") or n == "m"], [])
            os.remove(filler)
            done = self.run_fit(self.data, "-o", out, *words, *more, "--resume")
            self.assertEqual(done.returncode, 0, done.stderr)
            shutil.move(out, self.path("made"))
            self.assertEqual(self.digest("made"), self.digest("whole"))

    def test_many_fits_can_be_gone_on_with_once_there_is_room(self):
        where = self.small_disk()
        words = ["--rule", "bank", "--cv", "3", "--hidden", "4", "--epochs", "6" if SLOW else "20"]
        out = os.path.join(where, "m")
        whole = ["--csv", self.path("whole.csv"), "--plot", self.path("whole.svg")]
        self.assertEqual(self.run_fit(self.data, "-o", self.path("whole"), *words, *whole).returncode, 0)
        words += ["--csv", out + ".csv", "--plot", out + ".svg"]
        filler = self.end_without_room(where, [MURID, "fit", self.data, "-o", out, *words])
        again = self.run_fit(self.data, "-o", out, *words, "--resume")
        self.assertEqual(again.returncode, 1)
        self.assertIn("No space left on device", again.stderr)
        os.remove(filler)
        done = self.run_fit(self.data, "-o", out, *words, "--resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        for end in ("", ".csv", ".svg"):
            shutil.move(out + end, self.path("made" + end))
            self.assertEqual(self.digest("made" + end), self.digest("whole" + end))

    def test_a_report_that_cannot_be_printed_is_a_failure(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([MURID, "fit", self.data, "--cv", "2", "--rule", "none", "--json", "--csv",
                                   self.path("t"), "--epochs", "1"], stdout=full, stderr=subprocess.PIPE,
                                  text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("murid: standard output cannot be written", done.stderr)

    def test_what_is_no_file_is_not_replaced_by_one(self):
        os.mkdir(self.path("directory"))
        os.mkfifo(self.path("pipe"))
        for name in ("directory", "pipe"):
            done = self.run_fit(self.data, "-o", self.path(name), "--epochs", "1000000")
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr, f"murid: -o: {self.path(name)}: is a {name}; the name of a file "
                                          "was expected\n")
            done = subprocess.run([MURID, "model", "--new", "-o", self.path(name)], capture_output=True,
                                  text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn("the name of a file was expected", done.stderr)
        self.assertEqual(sorted(os.listdir(self.directory.name)), ["data.csv", "directory", "pipe"])


if __name__ == "__main__":
    skips.main()
