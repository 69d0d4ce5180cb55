"""Sessions of iblrig as trial tables: the folders of ../shared/data/rigs/iblrig_sessions, read for
tests of the audit. A row is a trial, its keys are columns of docs/tables.md."""
import glob
import json
import os

COLUMNS = ("subject", "session", "trial", "stimulus", "choice", "reward", "side", "repeat", "p_left",
           "stage", "task")


def read_session(folder, subject=None):
    """The trials of one raw_task_data folder."""
    with open(os.path.join(folder, "_iblrig_taskSettings.raw.json")) as f:
        settings = json.load(f)
    day, number, part = os.path.normpath(folder).split(os.sep)[-3:]
    rows = []
    with open(os.path.join(folder, "_iblrig_taskData.raw.jsonable")) as f:
        for line in f:
            trial = json.loads(line)
            side = int(trial["position"] > 0)
            answer = trial["response_side"]  # +1 clockwise: the choice is left
            rows.append(dict(
                subject=subject or settings["SUBJECT_NAME"],
                session=f"{day}_{number}_{part[-2:]}", trial=trial["trial_num"],
                stimulus=trial["contrast"] * (1 if side else -1),
                choice="" if answer == 0 else int(answer < 0),
                reward=int(bool(trial["trial_correct"])), side=side,
                repeat=int(trial["debias_trial"]) if "debias_trial" in trial else "",
                p_left=trial["stim_probability_left"], stage=trial.get("training_phase", ""),
                task=settings["PYBPOD_PROTOCOL"], software="iblrig " + settings["IBLRIG_VERSION"]))
    return rows


def read_folders(root, name):
    """All sessions below root/name, in their order."""
    found = sorted(glob.glob(os.path.join(root, name, "*", "Subjects", "*", "*", "*",
                                          "raw_task_data_*")))
    return [row for folder in found for row in read_session(folder)]


def text_of(rows, columns=COLUMNS):
    lines = [",".join(columns)]
    lines += [",".join(str(row.get(key, "")) for key in columns) for row in rows]
    return "\n".join(lines) + "\n"
