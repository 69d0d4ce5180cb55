"""Sessions of Bpod in MATLAB, as scipy.io.savemat writes them, against scipy's own reading; and files that are not as
they should be."""
import os
import struct
import tempfile
import unittest

import skips
from rig_rows import check_malformed, differ, read

try:
    import numpy as np

    import bpod_session as bpod
except ImportError:
    skips.end("python3-scipy or python3-h5py absent")

NAME = "m1_Light2AFC_20240312_101112.mat"


def saved(change=None, compressed=False, name="SessionData", n=4):
    """The bytes of a session of n trials, changed."""
    data = bpod.light_2afc(n)
    del data["RawData"]
    other = change(data) if change else None
    data = data if other is None else other
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.mat")
        bpod.save(path, data, compressed, name)
        with open(path, "rb") as f:
            return f.read()


def hdf5():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.mat")
        bpod.save_hdf5(path, bpod.light_2afc(2))
        with open(path, "rb") as f:
            return f.read()


def patch(content, at, new):
    return content[:at] + new + content[at + len(new):]


def without(*path):
    def change(data):
        for key in path[:-1]:
            data = data[key]
        del data[path[-1]]
    return change


def put(*path, to):
    def change(data):
        for key in path[:-1]:
            data = data[key] if key != "Trial" else data["Trial"][0]
        data[path[-1]] = to
    return change


GOOD = saved()
PACKED = saved(compressed=True)

# What is wrong, what is said of it, and how many trials are read.
MALFORMED = {
    "an empty file": (b"", "PATH: byte 0: the file ends within a variable; all of it was expected: it is being written", 0),
    "a file that was cut": (GOOD[:-1], f"byte {len(GOOD) - 1}: the file ends within a variable", 0),
    "half of a file": (GOOD[:len(GOOD) // 2], f"byte {len(GOOD) // 2}: the file ends within a variable", 0),
    "a compressed file that was cut": (PACKED[:-5], "the file ends within a variable", 0),
    "a size above the file's": (patch(GOOD, 132, struct.pack("<I", 1 << 31)), "the file ends within a variable", 0),
    "compressed bytes that are none": (patch(PACKED, len(PACKED) // 2, b"\0" * 200), "Bpod|compressed", 0),
    "a checksum that is wrong": (patch(PACKED, len(PACKED) - 4, b"abcd"), "1 session of m1, 4 trials", 4),
    "save -v7.3": (hdf5(), r"byte 124: a MAT-file of version 7.3, or another; one of version 5 was expected: in MATLAB: load",
                   0),
    "a variable that is no struct": (saved(lambda d: np.array([[1.0]])), "SessionData is no struct", 0),
    "a variable of two sessions": (saved(lambda d: bpod.structs([{"nTrials": 1.0}, {"nTrials": 2.0}])),
                                   "SessionData is no struct|SessionData", 0),
    "no trials in RawEvents": (saved(without("RawEvents", "Trial")), r"PATH: SessionData.RawEvents has no Trial; cells", 0),
    "no RawEvents": (saved(without("RawEvents")), r"nTrials is 4, RawEvents.Trial has 0; the same number", 0),
    "more trials said than there": (saved(put("nTrials", to=9.0)), r"nTrials is 9, RawEvents.Trial has 4; the same", 4),
    "fewer trials said than there": (saved(put("nTrials", to=3.0)), r"nTrials is 3, RawEvents.Trial has 4; the same", 3),
    "no types": (saved(without("TrialTypes")), "trial 1: SessionData.TrialTypes has no value for it; a value for each", 0),
    "types for two trials": (saved(put("TrialTypes", to=np.array([[1.0, 2.0]]))),
                             "trial 3: SessionData.TrialTypes has no value for it", 2),
    "a type that is no side": (saved(put("TrialTypes", to=np.array([[1.0, 2.0, 7.0, 1.0]]))),
                               r'trial 3: side: "7" in TrialTypes; right or left as it is coded was expected: say how: --map coding.side=', 3),
    "a type that is NaN": (saved(put("TrialTypes", to=np.array([[1.0, 2.0, np.nan, 1.0]]))),
                           r'trial 3: side: "nan" in TrialTypes; the side of the stimulus was expected', 3),
    "types as words": (saved(put("TrialTypes", to=bpod.cells(["left"] * 4))), r'trial 1: side: "left" in TrialTypes; right or left as', 0),
    "types that are structs": (saved(put("TrialTypes", to=bpod.structs([{"a": 1.0}] * 4))),
                               "trial 1: SessionData.TrialTypes is no number or short text", 0),
    "types that are complex": (saved(put("TrialTypes", to=np.array([[1j, 2, 1, 2]]))), 'trial 1: side: "" in TrialTypes; the side of the stimulus', 0),
    "a trial that is empty": (saved(put("RawEvents", "Trial", 2, to=np.zeros((0, 0)))),
                              "trial 3: it has no States; a struct of the states", 3),
    "a trial without states": (saved(put("RawEvents", "Trial", 2, to={"Events": {"Tup": 1.0}})), "trial 3: it has no States", 3),
    "a state without its end": (saved(put("RawEvents", "Trial", 2, "States", "Punish", to=np.array([[1.0]]))),
                                "trial 3: the state Punish has no start and end; a row of two numbers", 3),
    "a state that is a text": (saved(put("RawEvents", "Trial", 2, "States", "Punish", to="soon")),
                               "trial 3: the state Punish has no start and end", 3),
}


class Bpod(unittest.TestCase):
    def write(self, folder, name, save, *words):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        save(path, *words)
        return path

    def check(self, path):
        rows, lines = read(path)
        self.assertEqual(differ(rows, bpod.read_mat(path)), "")
        self.assertEqual(len(lines), 1, lines)
        return rows

    def test_trials_are_those_that_scipy_reads(self):
        data = bpod.light_2afc(300)
        with tempfile.TemporaryDirectory() as folder:
            for compressed in (False, True):
                rows = self.check(self.write(folder, NAME, bpod.save, data, compressed))
                self.assertEqual(len(rows), 300)
                self.assertEqual({r["choice"] for r in rows}, {"", "0", "1"})
                self.assertEqual({(r["subject"], r["session"], r["task"]) for r in rows},
                                 {("m1", "20240312_101112", "Light2AFC")})

    def test_one_trial_and_an_array_of_structs_are_read_alike(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(len(self.check(self.write(folder, NAME, bpod.save, bpod.light_2afc(1)))), 1)
            data = bpod.light_2afc(20)
            data["RawEvents"]["Trial"] = bpod.structs(list(data["RawEvents"]["Trial"][0]))
            self.assertEqual(len(self.check(self.write(folder, NAME, bpod.save, data))), 20)

    def test_names_with_underscores_are_those_of_the_folders(self):
        with tempfile.TemporaryDirectory() as folder:
            path = self.write(folder, "my_m_1/Light2AFC_TrialManager/Session Data/"
                              "my_m_1_Light2AFC_TrialManager_20240312_101112.mat", bpod.save, bpod.light_2afc(5))
            rows, _ = read(folder)
            self.assertEqual({(r["subject"], r["task"]) for r in rows}, {("my_m_1", "Light2AFC_TrialManager")})
            os.rename(path, os.path.join(folder, os.path.basename(path)))
            rows, _ = read(folder)
            self.assertEqual({(r["subject"], r["task"]) for r in rows}, {("my_m_1", "Light2AFC_TrialManager")})

    def test_a_protocol_without_a_mapping_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            path = self.write(folder, "m1_MyTask_20240312_101112.mat", bpod.save, bpod.light_2afc(2))
            rows, lines = read(path)
            self.assertEqual(rows, [])
            self.assertRegex("\n".join(lines), 'no mapping is known for the task "MyTask"; one that says what its trials are')

    def test_malformed_files_are_named_and_what_was_read_before_stays(self):
        check_malformed(self, MALFORMED, "_Light2AFC_20240312_101112.mat", 0)


if __name__ == "__main__":
    skips.main()
