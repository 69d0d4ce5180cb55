"""Files of rigs as they are: what `murid import` writes of them, and what every command reads of them directly, held
against an independent reading, for recorded sessions and for files that are made here."""
import glob
import json
import math
import os
import random
import shutil
import tempfile
import unittest

import skips
from rig_rows import imported, murid, number

SOURCE = os.environ["MURID_SOURCE_DIR"]
RIGS = os.path.join(SOURCE, "..", "shared", "data", "rigs")
PROTOCOL = os.path.join(SOURCE, "configs", "protocols", "ibl_training.yaml")
recorded = unittest.skipUnless(os.path.isdir(RIGS), "../shared/data absent")


def lines_of(path):
    with open(path, encoding="ascii", newline="") as f:
        return [json.loads(line) for line in f.read().split("\n")[:-1] if line.strip()]


def expected(trial):
    """A trial of iblrig, as the field reads it: stimulus, side, choice, reward, reaction time, repeat, stage, p_left."""
    states = trial.get("behavior_data", {}).get("States timestamps", {})
    contrast = trial["contrast"]
    repeat = None
    if isinstance(contrast, dict):
        repeat, contrast = float(contrast["type"] == "RepeatContrast"), contrast["value"]
    elif "debias_trial" in trial:
        repeat = float(trial["debias_trial"])
    right = trial["position"] > 0
    if "response_side" in trial:
        no_go = trial["response_side"] == 0
        chose_right = trial["response_side"] == -1
    else:
        no_go = not math.isnan(states["no_go"][0][0])
        chose_right = right == trial["trial_correct"]
    rt = trial.get("response_time", None)
    if rt is None:
        rt = states["closed_loop"][-1][1] - states["stim_on"][0][0]
    return (contrast if right else -contrast, float(right), None if no_go else float(chose_right),
            None if no_go else float(trial["trial_correct"]), rt, repeat,
            str(trial["training_phase"]) if "training_phase" in trial else "", trial["stim_probability_left"])


def said(row):
    return (number(row["stimulus"]), number(row["side"]), number(row["choice"]), number(row["reward"]),
            number(row["rt_s"]), number(row["repeat"]), row["stage"], number(row["p_left"]))


def made(n, **keys):
    """A trial as iblrig 8 writes it."""
    draw = random.Random(n)
    right = draw.random() < 0.5
    correct = draw.random() < 0.8
    return {"contrast": draw.choice([1.0, 0.5, 0.25, 0.0]), "stim_probability_left": 0.5,
            "position": 35.0 if right else -35.0, "quiescent_period": 0.5, "reward_amount": 3.0 * correct, "trial_num": n,
            "response_side": -1 if right == correct else 1, "response_time": 0.3 + draw.random(), "trial_correct": correct,
            "training_phase": 0, "debias_trial": False, "signed_contrast": math.nan,
            "behavior_data": {"Events timestamps": {"Tup": [draw.random() for _ in range(2000)]},
                              "States timestamps": {"no_go": [[math.nan, math.nan]]}}, **keys}


class Made(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="murid-rigs-")
        self.addCleanup(directory.cleanup)
        self.root = directory.name

    def session(self, subject="m1", date="2026-01-02", number="001", task="raw_task_data_00", trials=20, end="\n",
                tail="", settings=True, **told):
        folder = os.path.join(self.root, "lab", "Subjects", subject, date, number, task)
        os.makedirs(folder)
        if settings:
            with open(os.path.join(folder, "_iblrig_taskSettings.raw.json"), "w") as f:
                json.dump({"IBLRIG_VERSION": "8.30.0", "SUBJECT_NAME": subject, "SESSION_NUMBER": int(number),
                           "SESSION_START_TIME": date + "T09:00:00", "SESSION_END_TIME": None,
                           "PYBPOD_PROTOCOL": "_iblrig_tasks_trainingChoiceWorld", **told}, f, indent=4)
        path = os.path.join(folder, "_iblrig_taskData.raw.jsonable")
        with open(path, "w", newline="") as f:
            f.writelines(json.dumps(t if isinstance(t, dict) else made(t)) + end
                         for t in (range(trials) if isinstance(trials, int) else trials))
            f.write(tail)
        return path

    def test_a_folder_is_read_by_animal_date_and_number_whatever_is_beside(self):
        for subject, date, n, task in (("m2", "2026-01-01", "001", "00"), ("m1", "2026-01-10", "001", "00"),
                                       ("m1", "2026-01-02", "002", "00"), ("m1", "2026-01-02", "001", "01"),
                                       ("m1", "2026-01-02", "001", "00")):
            self.session(subject, date, n, "raw_task_data_" + task, trials=3)
        os.makedirs(os.path.join(self.root, "lab", "Subjects", "m1", "2026-01-02", "001", "raw_video_data"))
        rows, err = imported(self.root)
        self.assertEqual(list(dict.fromkeys((r["subject"], r["session"]) for r in rows)),
                         [("m1", "2026-01-02_001_00"), ("m1", "2026-01-02_001_01"), ("m1", "2026-01-02_002_00"),
                          ("m1", "2026-01-10_001_00"), ("m2", "2026-01-01_001_00")])
        self.assertIn(f"murid: {self.root}: iblrig 8.30.0, 4 sessions of m1, 12 trials\n", err)
        self.assertIn(f"murid: {self.root}: iblrig 8.30.0, 1 session of m2, 3 trials\n", err)
        self.assertEqual({r["task"] for r in rows}, {"_iblrig_tasks_trainingChoiceWorld"})
        self.assertEqual({r["software"] for r in rows}, {"iblrig 8.30.0"})

    def test_lines_of_windows_read_the_same(self):
        unix = imported(self.session(number="001"))[0]
        windows = imported(self.session(number="002", end="\r\n"))[0]
        self.assertEqual([said(r) for r in unix], [said(r) for r in windows])
        self.assertEqual([said(r) for r in unix], [expected(made(n)) for n in range(20)])

    def test_half_a_line_is_named_and_what_is_before_it_is_read(self):
        path = self.session(tail=json.dumps(made(20))[:1000])
        rows, err = imported(path)
        self.assertEqual(len(rows), 20)
        self.assertIn(f"murid: warning: {path}:21: the last line, of 1000 bytes, has no end yet; a newline was expected", err)
        done = murid("import", path, "--strict", "-o", os.path.join(self.root, "t.csv"), code=2)
        self.assertIn(f"murid: {path}:21: ", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.root, "t.csv")))

    def test_a_wrong_line_is_named_and_those_around_it_are_read(self):
        wrong = made(1)
        wrong["contrast"] = 35.0
        path = self.session(trials=[made(0), wrong, made(2)])
        rows, err = imported(self.root)
        self.assertEqual([r["trial"] for r in rows], ["0", "2"])
        self.assertIn(f"warning: {path}:2: the stimulus is not valid; a signed contrast from -1 to 1 was expected", err)

    def test_many_wrong_lines_are_counted_and_a_file_of_them_is_given_up(self):
        path = self.session(trials=3, tail="nonsense\n" * 500)
        rows, err = imported(path)
        self.assertEqual(len(rows), 3)
        self.assertIn("100 lines could not be read; the rest of the file is left out", err)
        self.assertLess(err.count("\n"), 20)

    def test_a_file_without_a_trial_is_an_error(self):
        path = self.session(trials=0, tail="{}\n")
        done = murid("eval", path, code=2)
        self.assertIn(f"warning: {path}:1: no \"trial_num\"", done.stderr)
        self.assertIn(f"murid: {path}: no trials; files of a rig with trials were expected", done.stderr)

    def test_what_is_of_no_rig_is_an_error(self):
        for command in ("import", "eval", "status", "forecast"):
            done = murid(command, self.root, code=2)
            self.assertTrue(done.stderr.startswith(f"murid: {self.root}: ") or
                            done.stderr.startswith(f"murid: {self.root}/journal"), done.stderr)
        self.assertIn("the formats: iblrig", murid("import", self.root, code=2).stderr)

    def test_what_to_do_with_a_table_and_with_other_text_is_said(self):
        table, other = os.path.join(self.root, "table.csv"), os.path.join(self.root, "other.csv")
        for path, head in ((table, "subject,session,trial,stimulus,choice,reward"), (other, "mouse,response")):
            with open(path, "w") as f:
                f.write(head + "\n")
        self.assertIn("this is a trial table, which every command takes as it is", murid("import", table, code=2).stderr)
        self.assertIn("say with --map what its columns mean", murid("import", other, code=2).stderr)
        self.assertIn("cannot be opened: No such file", murid("import", other + "x", code=2).stderr)

    def test_a_copy_of_a_session_is_left_out_and_said(self):
        path = self.session()
        shutil.copytree(os.path.join(self.root, "lab"), os.path.join(self.root, "server"))
        rows, err = imported(self.root)
        self.assertEqual(len(rows), 20)
        self.assertIn("the session 2026-01-02_001_00 of m1 is in another file too, and is left out here", err)
        self.assertEqual(len(imported(path, os.path.join(self.root, "server"))[0]), 20)

    def test_without_settings_the_path_or_the_name_says_whose_they_are(self):
        path = self.session(settings=False)
        rows, err = imported(path)
        self.assertEqual({(r["subject"], r["session"]) for r in rows}, {("m1", "2026-01-02_001_00")})
        self.assertIn(f"{path}: iblrig, 1 session of m1, 20 trials", err)
        loose = os.path.join(self.root, "mouse 7.jsonable")
        shutil.copy(path, loose)
        self.assertEqual({(r["subject"], r["session"]) for r in imported(loose)[0]}, {("mouse_7", "mouse_7")})

    def test_without_a_lab_and_in_version_7_the_folders_are_others(self):
        path = self.session()
        for old, new in (("lab/Subjects", "subjects"), ("raw_task_data_00", "raw_behavior_data")):
            source = os.path.join(self.root, old) if "lab" in old else os.path.join(os.path.dirname(os.path.dirname(path)), old)
            target = os.path.join(self.root, new) if "lab" in old else os.path.join(os.path.dirname(source), new)
            shutil.move(source, target)
            path = path.replace(old, new)
        self.assertEqual({(r["subject"], r["session"]) for r in imported(self.root)[0]}, {("m1", "2026-01-02_001")})

    def test_every_command_reads_a_path_as_it_reads_the_table_of_it(self):
        for day in range(1, 4):
            self.session(date=f"2026-01-0{day}", trials=120)
        table = os.path.join(self.root, "t.csv")
        murid("import", os.path.join(self.root, "lab"), "-o", table)
        for words in (["eval", "DATA"], ["status", "DATA"], ["audit", PROTOCOL, "DATA"],
                      ["forecast", "DATA", "--rollouts", "10", "--horizon", "20", "--window", "10"],
                      ["compare", "reinforce", "DATA"]):
            code = None if words[0] == "audit" else 0
            of_table = murid(*[table if w == "DATA" else w for w in words], code=code)
            path = os.path.join(self.root, "lab")
            of_path = murid(*[path if w == "DATA" else w for w in words], code=code)
            self.assertEqual(of_path.stdout.replace(path, "DATA"), of_table.stdout.replace(table, "DATA"), words)
            self.assertIn(f"murid: {path}: iblrig 8.30.0, 3 sessions of m1, 360 trials\n", of_path.stderr)
        models = [os.path.join(self.root, name) for name in ("a", "b")]
        for data, model in zip((table, os.path.join(self.root, "lab")), models):
            murid("fit", data, "--rule", "reinforce", "-o", model)
        self.assertEqual(murid("eval", table, "--model", models[0]).stdout, murid("eval", table, "--model", models[1]).stdout)

    def test_likely_mistakes_are_said_of_these_rows_too(self):
        trials = [made(n) for n in (0, 2, 1, 3)]
        done = murid("eval", self.session(trials=trials))
        self.assertIn("trial 1 comes after trial 2", done.stderr)
        done = murid("eval", os.path.join(self.root, "lab"), "--strict", code=2)
        self.assertIn("trial 1 comes after trial 2", done.stderr)

    def test_one_format_may_be_asked_for(self):
        path = self.session()
        self.assertIn("20 trials", murid("import", path, "--format", "iblrig").stderr)
        self.assertIn("iblrig", murid("import", path, "--format", "iblrigg", code=2).stderr)


    def test_a_mapping_is_for_formats_that_take_one_and_a_wrong_one_is_named(self):
        path, file = self.session(), os.path.join(self.root, "map.yaml")
        for text, words in (("columns: {choice: resp}\n", "no file of a rig was recognised"),
                            ("", "is empty; a mapping was expected"), ("columns: 3\n", "map.yaml:1: "),
                            ("columns: {choice: [1]}\n", "map.yaml:1: "), ("columns: {choice: a,\n choice: b}\n", "map.yaml:2: the key is there twice"),
                            ("colums: {choice: a}\n", "map.yaml:1: no section \"colums\""), ("columns: {chioce: a}\n", "did you mean choice?"),
                            ("columns: {" + "x" * 64 + ": a}\n", "map.yaml:1: the name is too long")):
            with open(file, "w") as f:
                f.write(text)
            self.assertIn(words, murid("import", path, "--map", file, code=2).stderr)


class Recorded(unittest.TestCase):
    SESSIONS = {"appended_8.24.7": {"f1": [60, 80, 50]}, "biased_8.24.7": {"b0": [796]}, "killed_8.24.7": {"k1": [200]},
                "training_8.23.1": {"t6": [822, 730, 745]}, "training_8.24.7": {"t6": [822]}}

    @recorded
    def test_sessions_are_read_as_an_independent_reader_reads_them(self):
        for name, animals in self.SESSIONS.items():
            folder = os.path.join(RIGS, "iblrig_sessions", name)
            rows, err = imported(folder)
            (subject, counts), = animals.items()
            by_session = {}
            for row in rows:
                self.assertEqual(row["subject"], subject)
                by_session.setdefault(row["session"], []).append(row)
            self.assertEqual([len(v) for v in by_session.values()], counts)
            paths = sorted(glob.glob(os.path.join(folder, "**", "*.jsonable"), recursive=True))
            for path, (session, found) in zip(paths, by_session.items(), strict=True):
                trials = lines_of(path)
                self.assertEqual([int(r["trial"]) for r in found], [t["trial_num"] for t in trials])
                for row, trial in zip(found, trials, strict=True):
                    self.assertEqual(said(row), expected(trial), (path, trial["trial_num"]))
                parts = path.split(os.sep)
                self.assertEqual(session, f"{parts[-4]}_{parts[-3]}_{parts[-2][-2:]}")
            self.assertNotIn("warning", err)

    @recorded
    def test_loose_files_are_read_as_an_independent_reader_reads_them(self):
        counts = {"biased_ge5": 8, "biased_lt5": 4, "training_ge5": 12, "training_lt5": 4, "v8_training_2_trials": 2}
        for name, n in counts.items():
            path = os.path.join(RIGS, "iblrig", name + ".jsonable")
            rows, _ = imported(path)
            trials = lines_of(path)
            self.assertEqual((len(rows), len(trials)), (n, n))
            self.assertEqual([said(r) for r in rows], [expected(t) for t in trials])

    @recorded
    def test_programs_and_versions_are_said(self):
        said_of = murid("import", os.path.join(RIGS, "iblrig_sessions", "training_8.23.1")).stderr
        self.assertIn(": iblrig 8.23.1, 3 sessions of t6, 2297 trials\n", said_of)


if __name__ == "__main__":
    skips.main()
