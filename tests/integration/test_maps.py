"""Tables in other people's columns and codings, read with --map: what is imported is what was written, and every command that
reads DATA takes them. The files are written by Python's csv and json and by NumPy, as data loggers do."""
import csv
import json
import os
import random
import subprocess
import tempfile
import unittest

import numpy

import skips
from daemon import MURID

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
READERS = ("import", "audit", "eval", "fit", "status", "forecast", "advise", "compare", "play")
IBL = os.path.join(os.environ["MURID_SOURCE_DIR"], "..", "shared", "data", "ibl_mouse_trials.csv")
GROUPS = {"subject": str, "session": str, "trial": int, "stimulus": float, "choice": str, "reward": float, "rt_s": float}


def murid(*words, code=0, stdin=None):
    done = subprocess.run([MURID, *words], capture_output=True, text=True, input=stdin, timeout=120)
    assert done.returncode == code, done
    return done


class Maps(unittest.TestCase):
    maxDiff = 3000

    def setUp(self):
        print(f"SEED={SEED}")
        draw = random.Random(SEED)
        self.directory = self.enterContext(tempfile.TemporaryDirectory())
        self.trials = [dict(subject=f"m{1 + i // 60}", session=f"d{i // 30}", trial=i % 30,
                            stimulus=draw.choice((-1.0, -0.25, 0.0, 0.25, 1.0)), choice=draw.choice((1, 0, None)),
                            reward=draw.choice((0, 1)), rt_s=draw.randrange(100, 3000) / 1000) for i in range(120)]

    def path(self, name):
        return os.path.join(self.directory, name)

    def imported(self, path, *maps, stdin=None):
        out = self.path("out.csv")
        said = murid("import", path, *(w for m in maps for w in ("--map", m)), "-o", out, "--force", stdin=stdin)
        with open(out, newline="") as f:
            rows = list(csv.DictReader(f))
        return [dict(subject=r["subject"], session=r["session"], trial=int(r["trial"]), stimulus=float(r["stimulus"]),
                     choice=int(r["choice"]) if r["choice"] else None, reward=int(r["reward"]), rt_s=float(r["rt_s"]))
                for r in rows], said.stderr

    def test_a_table_of_psychopy_is_read_with_its_name_and_its_stimulus(self):
        path = self.path("m1_task_2026-03-04.csv")
        with open(path, "w", newline="", encoding="utf-8-sig") as f:
            w = csv.writer(f)
            w.writerow(["trials.thisN", "orientation", "key_resp.keys", "key_resp.corr", "key_resp.rt", "participant", "day",
                        "date", "frameRate"])
            for t in self.trials:
                w.writerow([t["trial"], 100 * t["stimulus"], {1: "right", 0: "left", None: "None"}[t["choice"]], t["reward"],
                            t["rt_s"], t["subject"], t["session"], "2026-03-04_10h11.12.345", 59.9])
        rows, said = self.imported(path, "psychopy", "stimulus=orientation", "coding.stimulus=percent", "trial=trials.thisN",
                                   "session=day")
        self.assertEqual(rows, self.trials)
        self.assertIn("2 sessions of m1, 60 trials", said)

    def test_arrays_of_numpy_text_are_read_by_the_numbers_of_their_columns(self):
        path = self.path("m1.txt")
        subjects = [t for t in self.trials if t["session"] == "d0"]
        numpy.savetxt(path, [[t["stimulus"], {1: 2, 0: 1, None: numpy.nan}[t["choice"]], t["reward"], 1000 * t["rt_s"]]
                             for t in subjects], fmt="%g", header="contrast y reward rt")
        rows, _ = self.imported(path, "psytrack", "lines.comment=#", "lines.columns=s,y,reward,rt", "stimulus=s", "rt_s=rt",
                                "coding.rt_s=ms", "fixed.session=d0")
        self.assertEqual(rows, subjects)

    def test_lines_of_json_from_a_pipe_are_read_by_paths_of_keys(self):
        text = "".join(json.dumps({"kind": "trial", "who": {"animal": t["subject"], "day": t["session"], "n": t["trial"]},
                                   "stim": [t["stimulus"]], "resp": {1: "R", 0: "L", None: None}[t["choice"]],
                                   "rewarded": bool(t["reward"]), "rt": t["rt_s"], "x": float("nan")}) + "\n"
                       + json.dumps({"kind": "lick"}) + "\n" for t in self.trials)
        maps = ("rows.kind=trial", "subject=who.animal", "session=who.day", "trial=who.n", "stimulus=stim.0", "choice=resp",
                "reward=rewarded", "rt_s=rt")
        self.assertEqual(self.imported("-", *maps, stdin=text)[0], self.trials)
        with open(self.path("log.jsonl"), "w") as f:
            f.write(text)
        with open(self.path("map.yaml"), "w") as f:
            f.write("rows: {kind: trial}\ncolumns: {subject: who.animal, session: who.day, trial: who.n, stimulus: stim.0,\n"
                    "  choice: resp, reward: rewarded, rt_s: rt}\n")
        self.assertEqual(self.imported(self.path("log.jsonl"), self.path("map.yaml"))[0], self.trials)

    def test_results_of_a_mapped_table_are_those_of_its_conversion(self):
        own, theirs = self.path("own.csv"), self.path("theirs.csv")
        for path, names, code in ((own, list(GROUPS), {1: 1, 0: 0, None: ""}),
                                  (theirs, ["mouse", "day", "n", "coh", "resp", "ok", "rt"], {1: "-1", 0: "1", None: "0"})):
            with open(path, "w", newline="") as f:
                w = csv.writer(f, delimiter="," if path == own else ";")
                w.writerow(names)
                for t in self.trials:
                    w.writerow([code[t["choice"]] if k == "choice" else t[k] for k in GROUPS])
        maps = [w for m in ("subject=mouse", "session=day", "trial=n", "stimulus=coh", "choice=resp", "coding.choice=ibl",
                            "reward=ok", "rt_s=rt") for w in ("--map", m)]
        for command in ("eval", "status"):
            self.assertEqual(murid(command, theirs, *maps, "--json").stdout, murid(command, own, "--json").stdout)
        with open(theirs) as f:
            text = f.read()
        self.assertEqual(murid("status", "-", *maps, "--json", stdin=text).stdout,
                         murid("status", own, "--json").stdout)

    def test_every_command_that_reads_data_takes_a_mapping(self):
        for command in READERS:
            self.assertIn("--map MAPPING", murid(command, "--help").stdout, command)

    def test_what_is_wrong_with_a_mapping_is_said_with_the_nearest_word(self):
        path = self.path("t.csv")
        with open(path, "w") as f:
            f.write("s,c\n0.5,1\n")
        for given, words in (("ibx", "did you mean ibl?"), ("colums.choice=c", "did you mean columns?"),
                             ("chioce=c", 'no key "chioce" in section columns; did you mean choice?'),
                             ("lines.seperator=;", "did you mean separator?"), ("columns.choice=", "SECTION.KEY=VALUE was expected"),
                             ("=c", "SECTION.KEY=VALUE was expected"), ("marks.rigth=3", "did you mean right?"),
                             ("absent.yaml", "absent.yaml: ")):
            self.assertIn(words, murid("import", path, "--map", given, code=2).stderr)
        said = murid("status", path, "--map", "choice=c", "--map", "stimulus=x", code=2).stderr
        self.assertIn('t.csv:1: no column "x"', said)
        said = murid("status", path, "--map", "choice=c", "--map", "stimulus=s", "--map", "coding.choice=2/3", code=2).stderr
        self.assertIn('t.csv:2: choice: "1" in c; right or left as it is coded was expected: say how', said)

    def test_the_recorded_mouse_of_ibl_is_read_as_an_independent_reading_has_it(self):
        if not os.path.exists(IBL):
            self.skipTest("../shared/data absent")
        out = self.path("out.csv")
        murid("import", IBL, "--map", "ibl", "-o", out)
        with open(IBL, newline="") as f, open(out, newline="") as g:
            for theirs, ours in zip(csv.DictReader(f), csv.DictReader(g), strict=True):
                is_left = theirs["contrastRight"] == "nan"
                contrast = float(theirs["contrastLeft"] if is_left else theirs["contrastRight"])
                rt = float(theirs["response_times"]) - float(theirs["stimOn_times"])
                self.assertEqual(float(ours["stimulus"]), -contrast if is_left else contrast)
                self.assertEqual(ours["side"], "0" if is_left else "1")
                self.assertEqual(ours["choice"], {"-1": "1", "1": "0", "0": ""}[theirs["choice"]])
                self.assertEqual(ours["reward"], "1" if theirs["feedbackType"] == "1" else "0")
                self.assertEqual(float(ours["p_left"]), float(theirs["probabilityLeft"]))
                self.assertEqual((ours["session"], ours["trial"], ours["task"]), (theirs["date"], theirs["trial"], theirs["task"]))
                self.assertEqual(ours["rt_s"], "") if not rt >= 0 else self.assertAlmostEqual(float(ours["rt_s"]), rt, places=9)


if __name__ == "__main__":
    skips.main()
