"""A session of pybpod, read with a mapping in a file, against Python's own csv.reader; and a protocol of Bpod likewise."""
import csv
import json
import math
import os
import tempfile
import unittest

import skips
from rig_rows import differ, read

SESSION = os.path.join(os.environ["MURID_SOURCE_DIR"], "tests", "golden", "pybpod", "session.csv")
MAP = """columns: {side: REWARD_SIDE, contrast: COHERENCE, stage: VAR_STAGE}
coding: {side: 1/0, contrast: percent}
states: {correct: Reward, wrong: Punish, reward: Reward, rt_from: ResponseWindow}
"""


def trials():
    """As csv.reader and the rows have them."""
    with open(SESSION, newline="") as f:
        rows = [r for r in csv.reader(f, delimiter=";", quotechar="|") if len(r) == 6]
    sides = next(json.loads(r[5]) for r in rows if r[4] == "REWARD_SIDE")
    starts = [i for i, r in enumerate(rows) if r[0] == "TRIAL"]
    found = []
    for k, (begin, end) in enumerate(zip(starts, starts[1:])):
        states = {r[4]: (float(r[2]), float(r[3])) for r in rows[begin:end] if r[0] == "STATE"}
        contrast = next(float(r[5]) for r in rows[begin:end] if r[4] == "COHERENCE") / 100
        was_in = {name: not math.isnan(at[0]) for name, at in states.items()}
        answered = was_in["Reward"] or was_in["Punish"]
        choice = sides[k] if was_in["Reward"] else 1 - sides[k]
        window = states["ResponseWindow"]
        found.append({"subject": "N11", "session": "N11_Training_20240312-101112", "trial": k + 1.0, "side": float(sides[k]),
                      "stimulus": contrast if sides[k] else -contrast, "choice": float(choice) if answered else math.nan,
                      "reward": float(was_in["Reward"]), "rt_s": window[1] - window[0] if answered else math.nan,
                      "stage": "3", "task": "StageTraining"})
    return found


class Pybpod(unittest.TestCase):
    def test_trials_are_those_that_a_reader_of_csv_finds(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "map.yaml")
            with open(path, "w") as f:
                f.write(MAP)
            rows, lines = read(SESSION, "--map", path)
        self.assertEqual(len(rows), 12)
        self.assertEqual(differ(rows, trials()), "")
        self.assertEqual(len(lines), 2, lines)
        self.assertRegex(lines[1], "PATH:172: the trial has no rows STATE: it was not finished")

    def test_without_a_mapping_it_asks_for_one(self):
        rows, lines = read(SESSION)
        self.assertEqual(rows, [])
        self.assertRegex("\n".join(lines), 'PATH: no mapping is known for the task "StageTraining"; one that says')


if __name__ == "__main__":
    skips.main()
