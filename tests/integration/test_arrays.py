"""Trials in arrays: ALF folders, NumPy's files and NWB files, as their own libraries write them. What `murid import` reads
of them is held against an independent reading, and every way of being damaged against a clear error."""
import csv
import json
import os
import random
import re
import subprocess
import tempfile
import unittest
import zipfile

import h5py
import numpy as np

import skips
from array_files import alf, ibl_trials, nwb, of_ibl
from daemon import MURID
from rig_rows import imported, murid, number

SOURCE = os.environ["MURID_SOURCE_DIR"]
IBL_MOUSE = os.path.join(SOURCE, "..", "shared", "data", "ibl_mouse_trials.csv")
recorded = unittest.skipUnless(os.path.isfile(IBL_MOUSE), "../shared/data absent")


def said(row):
    return tuple(number(row[key]) for key in ("stimulus", "side", "choice", "reward", "rt_s", "p_left"))


class Arrays(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="murid-arrays-")
        self.addCleanup(directory.cleanup)
        self.root = directory.name

    def path(self, name):
        return os.path.join(self.root, name)

    def savez(self, file="t.npz", /, **columns):
        np.savez(self.path(file), **columns)
        return self.path(file)

    def save(self, values, name="t.npy"):
        np.save(self.path(name), values)
        return self.path(name)

    def written(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def same(self, rows, expected):
        self.assertEqual(len(rows), len(expected))
        for got, want in zip(rows, expected):
            self.assertEqual(len(got), len(want))
            for a, b in zip(got, want):
                self.assertTrue(a == b or (a is not None and b is not None and abs(a - b) < 1e-6), (got, want))

    def wrong(self, path, n, *words):
        """An error that names the file, what was found and what was expected; n trials are read all the same."""
        done = murid("import", path, "-o", "-", code=0 if n else 2)
        rows = list(csv.DictReader(done.stdout.splitlines()))
        self.assertEqual(len(rows), n, done.stderr)
        line = [w for w in done.stderr.splitlines() if all(word in w for word in words)]
        self.assertTrue(line, (words, done.stderr))
        self.assertRegex(line[0], re.escape(self.root) + r".*: .* was expected")
        murid("import", path, "--strict", code=2)


class Recorded(Arrays):
    """SWC_054 in IBL's own coding, written again in each format."""

    def sessions(self):
        with open(IBL_MOUSE, newline="") as f:
            rows = list(csv.DictReader(f))
        days = {}
        for row in rows:
            days.setdefault(row["date"], []).append(row)
        return {day: {key: np.array([float(r[key]) for r in rows]) for key in
                      ("choice", "contrastLeft", "contrastRight", "feedbackType", "probabilityLeft", "response_times",
                       "stimOn_times")} for day, rows in days.items()}

    def check(self, path, n_sessions=1):
        rows, err = imported(path)
        self.assertEqual(len({r["session"] for r in rows}), n_sessions)
        return [said(r) for r in rows], err

    @recorded
    def test_each_format_gives_every_trial_as_an_independent_reading_does(self):
        days = self.sessions()
        expected = [row for day in days.values() for row in of_ibl(day)]
        self.assertEqual(len(expected), 7844)
        for day, columns in days.items():
            alf(self.path("alf"), columns, subject="SWC_054", date=day)
            os.makedirs(self.path("npz"), exist_ok=True)
            np.savez_compressed(self.path(f"npz/{day}.npz"), subject="SWC_054", session=day, date=day, **columns)
            os.makedirs(self.path("nwb"), exist_ok=True)
            names = {"contrastLeft": "contrast_left", "contrastRight": "contrast_right", "feedbackType": "feedback_type",
                     "probabilityLeft": "probability_left", "response_times": "response_time",
                     "stimOn_times": "stim_on_time"}
            nwb(self.path(f"nwb/{day}.nwb"), {names.get(k, k): v for k, v in columns.items()}, subject="SWC_054",
                session=None, started=day + "T09:00:00+00:00")
        for kind, told, mapping in (("alf", "ALF", "ibl"), ("npz", "NumPy", "ibl"), ("nwb", "NWB 2.7.0", "ibl-nwb")):
            rows, err = self.check(self.path(kind), 11)
            self.assertIn(f"{told}, 11 sessions of SWC_054, 7844 trials, mapping {mapping}\n", err)
            self.same(rows, expected)

    @recorded
    def test_alf_folders_give_the_training_statuses_that_ibl_gives(self):
        days = self.sessions()
        for three, status in ((("08-25", "08-24", "08-21"), "in_training"), (("08-26", "08-25", "08-24"), "trained_1a"),
                              (("08-27", "08-26", "08-25"), "trained_1b"), (("08-31", "08-28", "08-27"), "trained_1b"),
                              (("09-01", "08-31", "08-28"), "ready4ephysrig")):
            root = self.path(three[0])
            for day in three:
                alf(root, days["2020-" + day], subject="SWC_054", date="2020-" + day)
            told = json.loads(murid("status", root, "--json").stdout)
            self.assertEqual(told["subjects"]["SWC_054"]["status"], status, three)


class Alf(Arrays):
    def test_object_and_namespace_and_other_parts_of_a_name_may_vary(self):
        columns = ibl_trials()
        for i, prefix in enumerate(("trials.", "_ibl_trials.", "_lab_trials.")):
            folder = alf(self.path(str(i)), columns, prefix=prefix)
            self.same([said(r) for r in imported(folder)[0]], of_ibl(columns))
        uuid = alf(self.path("u"), {k + ".0e5fd3a8-7b1c-4c0a-9d3e-1a2b3c4d5e6f": v for k, v in columns.items()})
        self.same([said(r) for r in imported(uuid)[0]], of_ibl(columns))

    def test_a_session_is_named_by_its_path_and_one_file_stands_for_its_folder(self):
        folder = alf(self.root, ibl_trials(), subject="KS_7", date="2023-11-05", number="003")
        for path in (self.root, folder, os.path.join(folder, "_ibl_trials.choice.npy")):
            rows, err = imported(path)
            self.assertEqual({(r["subject"], r["session"]) for r in rows}, {("KS_7", "2023-11-05_003")})
            self.assertEqual(len(rows), 40)
            self.assertIn("ALF, 1 session of KS_7, 40 trials, mapping ibl\n", err)

    def test_the_last_revision_goes_before(self):
        old, new = ibl_trials(seed=1), ibl_trials(seed=2)
        folder = alf(self.root, old)
        for revision, columns in (("#2024-05-01#", old), ("#2025-03-03#", {"choice": new["choice"]})):
            os.makedirs(os.path.join(folder, revision))
            for name, values in columns.items():
                np.save(os.path.join(folder, revision, f"_ibl_trials.{name}.npy"), values)
        self.same([said(r) for r in imported(folder)[0]], of_ibl({**old, "choice": new["choice"]}))

    def test_reaction_times_are_from_the_go_cue_where_no_stimulus_is_timed(self):
        columns = ibl_trials()
        cue = columns.pop("stimOn_times") + 0.01
        rows = imported(alf(self.root, {**columns, "goCue_times": cue}))[0]
        for row, end, start in zip(rows, columns["response_times"], cue):
            if end >= start:
                self.assertAlmostEqual(number(row["rt_s"]), end - start, places=6)

    def test_two_contrasts_are_right_minus_left_and_no_contrast_leaves_the_trial_out(self):
        columns = ibl_trials(4)
        columns["contrastLeft"] = np.array([0.5, 0.0, np.nan, 0.25])
        columns["contrastRight"] = np.array([1.0, 0.0, np.nan, np.nan])
        rows, err = imported(alf(self.root, columns))
        self.assertEqual([(r["stimulus"], r["side"]) for r in rows], [("0.5", "1"), ("0", ""), ("-0.25", "0")])
        self.assertIn('/alf:3: contrast_right: "nan" in contrastRight; a contrast from -1 to 1 was expected', err)

    def test_24_damaged_folders_are_named_and_what_can_be_read_is(self):
        good = ibl_trials()

        def made(number, **changed):
            columns = {k: v for k, v in {**good, **changed}.items() if v is not None}
            return alf(self.path(f"c{number}"), columns, number=f"{number:03d}")

        def bytes_of(values):
            path = self.save(values, "b.npy")
            with open(path, "rb") as f:
                return f.read()

        def put(number, name, data):
            folder = made(number)
            with open(os.path.join(folder, f"_ibl_trials.{name}.npy"), "wb") as f:
                f.write(data)
            return folder

        choice, left = bytes_of(good["choice"]), "contrastLeft"
        self.wrong(made(1, contrastLeft=None), 0, "no column contrastLeft, which the mapping ibl needs", "one of choice, contrastRight")
        self.wrong(made(2, contrastLeft=good["contrastLeft"][:30]), 0, "contrastLeft has 30 rows", "40, as column choice")
        self.wrong(made(3, choice=good["choice"] * 2), 3 + int(sum(good["choice"] == 0)) - 3, 'choice: "-2" in choice')
        self.wrong(made(4, contrastLeft=good["contrastLeft"] * 100), int(sum(np.isnan(good["contrastLeft"]) |
                   (good["contrastLeft"] * 100 <= 1))), 'contrast_left: "', "coding.contrast_left=percent")
        self.wrong(made(5, feedbackType=good["feedbackType"] * 3), 0, 'reward: "', "coding.reward=YES/NO")
        self.wrong(made(6, choice=good["choice"].astype(object)), 0, "choice.npy", "a pickle", "allow_pickle")
        self.wrong(made(7, contrastLeft=np.array(["x"] * 40)), 0, 'contrast_left: "x" in contrastLeft; a number')
        self.wrong(made(8, choice=np.zeros((40, 2, 2))), 0, "no column choice, which the mapping ibl needs")
        self.wrong(made(9, choice=np.float64(1)), 0, "single value")
        self.wrong(made(10, choice=np.zeros(40, complex)), 0, "no column choice, which the mapping ibl needs")
        self.wrong(put(11, "choice", b""), 0, "choice.npy: byte 0")
        self.wrong(put(12, "choice", b"\x93NUMPY"), 0, "choice.npy: byte 0", "begins with")
        self.wrong(put(13, "choice", choice[:60]), 0, "choice.npy: byte 8", "a header of at most 64 kilobytes")
        self.wrong(put(14, "choice", choice[:-40]), 35, "choice.npy: byte 408: the file ends after row 35; 40 rows")
        self.wrong(put(15, "choice", choice[:128]), 0, "after row 0")
        self.wrong(put(16, left, bytes_of(good[left])[:-1]), 39, "contrastLeft.npy", "after row 39")
        self.wrong(put(17, "choice", choice.replace(b"(40,)", b"(-4,)")), 0, "a whole number")
        self.wrong(put(18, "choice", choice.replace(b"(40,), }       ", b"(99999999999,)}")), 0, "too large")
        self.wrong(put(19, "choice", choice.replace(b"<f8", b"<z8")), 0, "no column choice, which the mapping ibl needs")
        self.wrong(put(20, "choice", choice.replace(b"'descr'", b"'desc_'")), 0, "the keys descr")
        self.wrong(put(21, "choice", choice.replace(b"False", b"Maybe")), 0, "True or False")
        self.wrong(put(22, "choice", b"\x93NUMPY\x09" + choice[7:]), 0, "version 1, 2 or 3")
        self.wrong(put(23, "choice", choice.replace(b"}", b" ")), 0, "choice.npy: byte 1")
        folder = made(24, choice=None)
        with open(os.path.join(folder, "_ibl_trials.table.pqt"), "wb") as f:
            f.write(b"PAR1" + bytes(100) + b"PAR1")
        self.wrong(folder, 0, "a Parquet table", "read_parquet")
        unreadable = made(25)
        os.rename(os.path.join(unreadable, "_ibl_trials.choice.npy"), os.path.join(unreadable, "x"))
        os.makedirs(os.path.join(unreadable, "_ibl_trials.choice.npy"))
        self.wrong(unreadable, 0, "not a regular file")


class NumPy(Arrays):
    def test_archives_stored_and_deflated_and_of_every_type_read_the_same(self):
        columns = ibl_trials()
        np.savez_compressed(self.path("d.npz"), subject="a", session="1", **columns)
        for path in (self.savez(subject="a", session="1", **columns), self.path("d.npz")):
            self.same([said(r) for r in imported(path)[0]], of_ibl(columns))
        for kind in ("<i1", ">i2", "<i4", ">i8", "<f2", ">f4", ">f8"):
            changed = {**columns, **{k: columns[k].astype(kind) for k in ("choice", "feedbackType")}}
            self.same([said(r) for r in imported(self.savez(**changed))[0]], of_ibl(columns))

    def test_a_table_of_our_own_columns_has_our_own_coding(self):
        path = self.savez(stimulus=[-1, 0.5, 0.0, 0.25], choice=np.array([0, 1, 1, np.nan]), reward=[1, 0.5, 0, 0], rt_s=[0.1] * 4,
                          side=[0, 1, 1, 1], repeat=np.array([False, True, False, False]), p_left=[0.5] * 4,
                          subject=np.array(["a", "a", "b", "b"]), session=np.array([b"s1", b"s1", b"s2", b"s2"]),
                          stage=np.array(["one"] * 4), trial=[5, 6, 0, 1])
        rows, err = imported(path)
        self.assertIn("NumPy, 1 session of a, 2 trials\n", err)
        self.assertEqual([(r["subject"], r["session"], r["trial"], r["stimulus"], r["choice"], r["reward"], r["repeat"], r["stage"])
                          for r in rows],
                         [("a", "s1", "5", "-1", "0", "1", "0", "one"), ("a", "s1", "6", "0.5", "1", "0.5", "1", "one"),
                          ("b", "s2", "0", "0", "1", "0", "0", "one"), ("b", "s2", "1", "0.25", "", "0", "0", "one")])

    def test_what_psytrack_keeps_is_read_by_days_whichever_its_choices_are(self):
        draw = np.random.default_rng(3)
        right, answer, correct = draw.random(30) < 0.5, draw.integers(1, 3, 30), draw.integers(0, 2, 30)
        inputs = {"cL": np.abs(draw.random((30, 2))), "cR": np.zeros((30, 2))}
        for y, told in ((right + 1, "psytrack"), (right.astype(float), "psytrack-01")):
            sides = answer if told == "psytrack" else answer - 1
            rows, err = imported(self.savez(y=y, dayLength=[10, 0, 20], answer=sides, correct=correct, name="W1", **inputs))
            self.assertIn(f"NumPy, 2 sessions of W1, 30 trials, mapping {told}\n", err)
            self.assertEqual([r["session"] for r in rows], ["t_001"] * 10 + ["t_003"] * 20)
            self.assertEqual([r["trial"] for r in rows], [str(i) for i in [*range(10), *range(20)]])
            self.same([said(r)[:4] for r in rows],
                      [(-inputs["cL"][i][0], float(answer[i] - 1), float(right[i]), float(correct[i])) for i in range(30)])
        self.wrong(self.savez(y=np.ones(30), **inputs), 0, "no stimulus; one of y, cL, cL[1], cR")

    def test_a_mapping_says_what_other_columns_mean_or_stands_on_a_shipped_one(self):
        path = self.savez(coh=[-50.0, 100, 0], resp=["L", "R", "miss"], ok=[True, False, False], ms=[250, 300, np.nan])
        words = [w for line in ("columns.stimulus=coh", "coding.stimulus=percent", "columns.choice=resp", "coding.choice=R/L/miss",
                                "columns.reward=ok", "columns.rt_s=ms", "coding.rt_s=ms", "fixed.subject=m9") for w in ("--map", line)]
        rows, err = imported(path, *words)
        self.assertEqual([(r["subject"], r["stimulus"], r["choice"], r["reward"], r["rt_s"]) for r in rows],
                         [("m9", "-0.5", "0", "1", "0.25"), ("m9", "1", "1", "0", "0.3"), ("m9", "0", "", "0", "")])
        self.assertIn("NumPy, 1 session of m9, 3 trials\n", err)
        rows, err = imported(self.savez("p.npz", y=[1, 2, 2], s1=[-0.5, 0.5, 0.25], dayLength=[1, 2]), "--map", "columns.stimulus=s1")
        self.assertIn("NumPy, 2 sessions of p, 3 trials, mapping psytrack\n", err)
        self.assertEqual([(r["session"], r["stimulus"], r["choice"]) for r in rows],
                         [("p_001", "-0.5", "0"), ("p_002", "0.5", "1"), ("p_002", "0.25", "1")])
        done = murid("import", path, "--map", "columns.stimulus=nowhere", code=2)
        self.assertIn('no column "nowhere"; one of coh, resp, ok, ms was expected', done.stderr)

    def test_structured_arrays_are_tables(self):
        table = np.zeros(6, dtype=np.dtype([("stimulus", "<f4"), ("skip", "<f8", (3, 2)), ("choice", "u1"), ("in", [("a", "f8")]),
                                            ("subject", "U9"), ("session", "S3"), ("when", "M8[s]")], align=True))
        table["stimulus"], table["choice"] = np.linspace(-1, 1, 6), [0, 0, 0, 1, 1, 1]
        table["subject"], table["session"] = "é/1", b"d1"
        for path in (self.save(table), self.savez(anything=table)):
            rows, _ = imported(path)
            self.assertEqual({(r["subject"], r["session"]) for r in rows}, {("__1", "d1")})
            self.same([(number(r["stimulus"]), number(r["choice"])) for r in rows],
                      [(float(s), float(c)) for s, c in zip(table["stimulus"], table["choice"])])

    def test_arrays_in_the_order_of_fortran_and_old_versions_of_the_format_read_the_same(self):
        columns = ibl_trials()
        two = np.asfortranarray(np.column_stack([columns["contrastLeft"], np.zeros(40), np.zeros(40)]))
        self.same([said(r) for r in imported(self.savez(**{**columns, "contrastLeft": two}))[0]], of_ibl(columns))
        with zipfile.ZipFile(self.path("v.npz"), "w") as z:
            for version in ((1, 0), (2, 0), (3, 0)):
                for name, values in list(columns.items())[version[0] - 1::3]:
                    with z.open(name + ".npy", "w") as f:
                        np.lib.format.write_array(f, values, version)
        self.same([said(r) for r in imported(self.path("v.npz"))[0]], of_ibl(columns))

    def test_24_damaged_files_are_named_and_what_can_be_read_is(self):
        good = ibl_trials()
        path = self.savez("good.npz", **good)
        with open(path, "rb") as f:
            archive = f.read()
        table = np.zeros(6, dtype=[("stimulus", "<f8"), ("choice", "i1")])
        with open(self.save(table), "rb") as f:
            array = f.read()
        at = archive.index(b"choice.npy") + 200

        def flipped(place, value=0xFF):
            return archive[:place] + bytes([archive[place] ^ value]) + archive[place + 1:]

        def member(name, **changed):
            return self.savez(name, **{k: v for k, v in {**good, **changed}.items() if v is not None})

        self.wrong(self.written("1.npz", b""), 0, "1.npz")
        self.wrong(self.written("2.npz", b"PK\x03\x04"), 0, "2.npz", "numpy.savez")
        self.wrong(self.written("3.npz", archive[:len(archive) // 2]), 0, "3.npz", "copy it again")
        self.wrong(self.written("4.npz", archive[:-10]), 0, "4.npz", "copy it again")
        self.wrong(self.written("5.npz", b"not an archive" * 20), 0, "5.npz", "zip archive")
        self.wrong(self.written("6.npz", flipped(at)), 0, "member choice.npy", "CRC")
        self.wrong(self.written("7.npz", bytes(1000)), 0, "7.npz")
        self.wrong(member("8.npz", choice=good["choice"].astype(object)), 0, "choice is a pickle", "np.savez")
        self.wrong(self.savez("9.npz", D={"y": [1, 2]}), 0, "D is a pickle", "np.load(F, allow_pickle=True)['D'].item()")
        self.wrong(member("10.npz", choice=good["choice"][:7]), 0, "40 rows", "7, as column choice")
        self.wrong(self.savez("11.npz", a=[1, 2]), 0, "no stimulus; one of a was expected")
        self.wrong(self.savez("12.npz", y=[0, 1, 2], cL=[0] * 3, cR=[0] * 3), 2, '12.npz:1: choice: "0" in y', "right or left as it is coded")
        self.wrong(self.savez("13.npz", y=[1, 2]), 0, "no stimulus", "columns.stimulus")
        self.wrong(self.savez("14.npz", stimulus=[0, 3.0], choice=[1, 0]), 1, '14.npz:2: stimulus: "3" in stimulus; a contrast from -1 to 1')
        self.wrong(self.savez("15.npz", stimulus=[0, 0], choice=["W", "R"]), 1, '15.npz:1: choice: "W" in choice')
        self.wrong(self.savez("16.npz", stimulus=[0, 0], choice=[1, 0], trial=[0.5, 1]), 1, 'trial: "0.5" in trial; a whole number')
        self.wrong(self.savez("17.npz", stimulus=[0, np.inf], choice=[1, 0]), 1, '"inf"')
        self.wrong(self.savez("18.npz", stimulus=[0, 0], choice=[1, 0], reward=[1, 7]), 1, 'reward: "7" in reward', "yes or no")
        self.wrong(self.written("19.npy", array[:-3]), 5, "19.npy: byte ", "the file ends after row 5; 6 rows")
        self.wrong(self.save(np.zeros((5, 4)), "20.npy"), 0, "no stimulus; one of 0, 1, 2, 3")
        self.wrong(self.save(np.zeros(3, dtype=[("stimulus", "f8"), ("choice", "O")]), "21.npy"), 0, "a pickle", "np.save")
        self.wrong(self.savez("22.npz", stimulus=[0, 0], choice=[1, 0], subject=["x" * 70, "a"], session=["s", "s"]), 1,
                   'subject: "xx', "1 to 64 characters")
        self.wrong(self.written("23.npz", archive.replace(b"'shape': (40,)", b"'shape': (-0,)")), 0, "CRC")
        with zipfile.ZipFile(self.path("24.npz"), "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("choice.npy", bytes(1 << 24))
        self.wrong(self.path("24.npz"), 0, "begins with")
        with open(self.path("24.npz"), "rb") as f:
            bomb = bytearray(f.read())
        place = bomb.index(b"PK\x01\x02") + 24
        bomb[place:place + 4] = (0x7FFFFFFF).to_bytes(4, "little")
        self.wrong(self.written("25.npz", bytes(bomb)), 0, "too large")


GABOR = {"gabor_stimulus_contrast": [100.0, 25, 0, 6.25, 50, 0], "gabor_stimulus_side": ["left", "right"] * 3,
         "mouse_wheel_choice": ["clockwise", "counter_clockwise", "none", "clockwise", "counter_clockwise", "none"],
         "is_mouse_rewarded": np.array([1, 1, 0, 0, 0, 0], bool), "probability_left": [0.5] * 6,
         "gabor_stimulus_onset_time": np.arange(6) * 2.0, "choice_registration_time": np.arange(6) * 2.0 + 0.25}
STEINMETZ = {"visual_stimulus_left_contrast": [0, 0.5, 1, 0, 0.25, 0.0],
             "visual_stimulus_right_contrast": [1.0, 0, 0.5, 0, 0.25, 0.5], "response_choice": [-1.0, 1, 1, 0, -1, 0],
             "feedback_type": [1.0, 1, -1, 1, -1, -1], "visual_stimulus_time": np.arange(6) * 2.0,
             "response_time": np.arange(6) * 2.0 + 0.5}
FORAGING = {"animal_response": [0, 1, 2, 1, 0, 0], "rewarded_historyL": np.array([1, 0, 0, 0, 0, 1], bool),
            "rewarded_historyR": np.array([0, 1, 0, 0, 0, 0], bool), "goCue_start_time": np.arange(6) * 2.0,
            "reward_outcome_time": np.arange(6) * 2.0 + 0.125}


class Nwb(Arrays):
    def made(self, columns, name="t.nwb", **told):
        return nwb(self.path(name), columns, **told)

    def test_each_shipped_mapping_reads_its_layout_and_is_named(self):
        N = None
        for columns, mapping, expected in (
                (GABOR, "ibl-gabor", [(-1, 0, 0, 1, 0.25, 0.5), (0.25, 1, 1, 1, 0.25, 0.5), (0, 0, N, 0, 0.25, 0.5),
                                      (0.0625, 1, 0, 0, 0.25, 0.5), (-0.5, 0, 1, 0, 0.25, 0.5), (0, 1, N, 0, 0.25, 0.5)]),
                (STEINMETZ, "steinmetz", [(1, 1, 1, 1, 0.5, N), (-0.5, 0, 0, 1, 0.5, N), (-0.5, 0, 0, 0, 0.5, N),
                                          (0, N, N, 1, 0.5, N), (0, N, 1, 0, 0.5, N), (0.5, 1, N, 0, 0.5, N)]),
                (FORAGING, "foraging", [(0, N, 0, 1, 0.125, N), (0, N, 1, 1, 0.125, N), (0, N, N, 0, 0.125, N),
                                        (0, N, 1, 0, 0.125, N), (0, N, 0, 0, 0.125, N), (0, N, 0, 1, 0.125, N)])):
            rows, err = imported(self.made(columns))
            self.same([said(r) for r in rows], expected)
            self.assertIn(f"NWB 2.7.0, 1 session of M1, 6 trials, mapping {mapping}\n", err)

    def test_texts_of_fixed_length_and_categories_read_as_those_of_variable_length(self):
        expected = [said(r) for r in imported(self.made(GABOR))[0]]
        fixed = {k: np.array(v, dtype="S20") if isinstance(v[0], str) else v for k, v in GABOR.items()}
        self.same([said(r) for r in imported(self.made(fixed))[0]], expected)
        kind = h5py.enum_dtype({"no": 0, "yes": 1}, basetype=">i4")
        self.same([said(r) for r in imported(self.made({**GABOR, "is_mouse_rewarded": np.array([1, 1, 0, 0, 0, 0], kind)}))[0]],
                  expected)

    def test_a_session_is_named_by_what_the_file_says(self):
        for told, name in (({}, ("M1", "2024-03-02_ses1")), ({"session": "m_2024-03-02_1"}, ("M1", "m_2024-03-02_1")),
                           ({"session": None}, ("M1", "2024-03-02_some_identifier")), ({"subject": None}, ("t", "2024-03-02_ses1")),
                           ({"session": "x" * 80}, ("M1", "2024-03-02")), ({"subject": "M 1/ä"}, ("M_1___", "2024-03-02_ses1"))):
            rows = imported(self.made(GABOR, **told))[0]
            self.assertEqual({(r["subject"], r["session"]) for r in rows}, {name})

    def test_a_large_file_is_read_without_the_rest_of_it(self):
        path = self.made({k: v for k, v in GABOR.items()})
        with h5py.File(path, "a") as f:
            f.create_dataset("acquisition/raw", shape=(1 << 40,), dtype="f8", chunks=(1 << 20,))
        self.assertEqual(len(imported(path)[0]), 6)

    def test_bytes_changed_at_random_give_trials_or_an_error_and_never_a_crash(self):
        with open(self.made(GABOR, ragged=False), "rb") as f:
            good = f.read()
        seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
        print("SEED=%d" % seed)
        draw = random.Random(seed)
        for _ in range(40):
            changed = bytearray(good)
            for _ in range(draw.choice([1, 2, 8])):
                changed[draw.randrange(len(changed))] = draw.choice([0, 255, draw.randrange(256)])
            done = subprocess.run([MURID, "import", self.written("r.nwb", bytes(changed))], capture_output=True, text=True)
            self.assertIn(done.returncode, (0, 2), done.stderr)
            self.assertTrue(done.stderr)

    def test_24_damaged_files_are_named_and_what_can_be_read_is(self):
        with open(self.made(GABOR, "good.nwb"), "rb") as f:
            good = f.read()

        def changed(number, **columns):
            return self.made({k: v for k, v in {**GABOR, **columns}.items() if v is not None}, f"{number}.nwb")

        def edited(number, edit):
            path = self.made(GABOR, f"{number}.nwb")
            with h5py.File(path, "a") as f:
                edit(f, f["intervals/trials"])
            return path

        def replaced(name, **how):
            def edit(_, trials):
                del trials[name]
                trials.create_dataset(name, **how)
            return edit

        contrast, choice = "gabor_stimulus_contrast", "mouse_wheel_choice"
        self.wrong(self.written("1.nwb", b""), 0, "1.nwb", "libhdf5 cannot open it")
        self.wrong(self.written("2.nwb", b"a text\n"), 0, "file signature not found")
        self.wrong(self.written("3.nwb", good[:len(good) // 2]), 0, "truncated file")
        self.wrong(self.written("4.nwb", good[:8]), 0, "4.nwb")
        self.wrong(self.written("5.nwb", good[:8] + bytes(len(good) - 8)), 0, "5.nwb")
        self.wrong(edited(6, lambda f, t: f.__delitem__("intervals/trials")), 0, "there is no group /intervals/trials")
        self.wrong(edited(7, lambda f, t: f.__delitem__("intervals")), 0, "there is no group /intervals/trials")
        self.wrong(edited(8, lambda f, t: t.__delitem__(choice)), 0, "no column mouse_wheel_choice, which the mapping ibl-gabor needs", "gabor_stimulus_contrast")
        self.wrong(edited(9, replaced(contrast, data=np.zeros(5))), 0, "gabor_stimulus_contrast has 5 rows", "6, as column")
        self.wrong(edited(10, replaced(contrast, data=np.zeros((6, 2)))), 0, "no column gabor_stimulus_contrast, which the mapping ibl-gabor needs")
        self.wrong(edited(11, replaced(contrast, shape=(1 << 40,), dtype="f8", chunks=(1024,))), 0, "column gabor_stimulus_contrast: it is too large")
        self.wrong(edited(12, replaced(choice, data=np.arange(6))), 0, 'choice: "0" in mouse_wheel_choice', "right or left")
        self.wrong(changed(13, mouse_wheel_choice=["left", "right"] * 3), 0, 'choice: "left" in mouse_wheel_choice', "coding.choice")
        self.wrong(changed(14, gabor_stimulus_contrast=[100.0, 25, 0, 6.25, 5000, 0]), 5, '14.nwb:5: contrast: "5000" in gabor_stimulus_contrast')
        self.wrong(changed(15, gabor_stimulus_side=["left", "up"] * 3), 3, 'side: "up" in gabor_stimulus_side')
        self.wrong(changed(16, gabor_stimulus_contrast=[100.0, np.nan, 0, 6.25, 50, 0]), 5, "16.nwb:2: ", "a contrast from -1 to 1")
        self.wrong(edited(17, replaced(choice, data=[b"\xff" * 300] * 6, dtype="S300")), 0, "no column mouse_wheel_choice, which the mapping ibl-gabor needs")

        def external(f, trials):
            del trials[contrast]
            trials[contrast] = h5py.ExternalLink("/etc/hostname", "/x")

        self.wrong(edited(18, external), 0, "no column gabor_stimulus_contrast, which the mapping ibl-gabor needs")
        self.wrong(edited(19, replaced(contrast, shape=(6,), dtype="f8", external=[("/etc/hostname", 0, 48)])), 0, "no column gabor_stimulus_contrast, which the mapping ibl-gabor needs")
        self.wrong(edited(20, lambda f, t: [t.__delitem__(contrast), t.create_group(contrast)]), 0, "no column gabor_stimulus_contrast, which the mapping ibl-gabor needs")

        def loop(f, trials):
            del trials[choice]
            trials[choice] = h5py.SoftLink("/intervals/trials/" + choice)

        self.wrong(edited(21, loop), 0, "no column mouse_wheel_choice, which the mapping ibl-gabor needs")
        place = good.index(b"GCOL")
        self.wrong(self.written("22.nwb", good[:place] + b"XXXX" + good[place + 4:]), 0, "22.nwb: column")
        self.wrong(self.written("23.nwb", good.replace(b"SNOD", b"SNOX")), 0, "23.nwb")
        self.wrong(self.written("24.nwb", good.replace(b"TREE", b"TREX")), 0, "24.nwb")
        os.makedirs(self.path("25.nwb"))
        self.written("25.nwb/.zgroup", b"{}")
        self.wrong(self.path("25.nwb"), 0, "a Zarr store", "export")


if __name__ == "__main__":
    skips.main()
