"""Files of arrays as their own libraries write them: ALF folders and archives by NumPy, NWB files by h5py, laid out as
pynwb does."""
import os

import h5py
import numpy as np


def alf(root, columns, subject="M1", date="2024-01-02", number="001", prefix="_ibl_trials."):
    """A folder of one session; returns its path."""
    folder = os.path.join(root, "lab", "Subjects", subject, date, number, "alf")
    os.makedirs(folder, exist_ok=True)
    for name, values in columns.items():
        np.save(os.path.join(folder, prefix + name + ".npy"), values)
    return folder


def nwb(path, columns, subject="M1", session="ses1", started="2024-03-02T10:00:00-07:00", version="2.7.0", ragged=True):
    """Columns that are lists of texts become texts of variable length."""
    n = len(next(iter(columns.values())))
    with h5py.File(path, "w") as f:
        f.attrs["nwb_version"] = version
        f.attrs["neurodata_type"] = "NWBFile"
        f["session_start_time"] = started
        f["identifier"] = "some identifier"
        if subject:
            f["general/subject/subject_id"] = subject
        if session:
            f["general/session_id"] = session
        trials = f.create_group("intervals/trials")
        trials.attrs["neurodata_type"] = "TimeIntervals"
        trials.attrs["colnames"] = np.array(list(columns), dtype=h5py.string_dtype())
        trials["id"] = np.arange(n)
        trials["start_time"] = np.arange(n) * 2.0
        trials["stop_time"] = np.arange(n) * 2.0 + 1
        for name, values in columns.items():
            if isinstance(values, list) and isinstance(values[0], str):
                trials.create_dataset(name, data=values, dtype=h5py.string_dtype())
            else:
                trials.create_dataset(name, data=values, chunks=True, maxshape=(None,) * np.ndim(values), compression="gzip")
        if ragged:
            trials["timeseries"] = np.arange(3 * n)
            trials["timeseries_index"] = np.arange(n) * 3
            trials["tags"] = np.array(["tag"] * 2 * n, dtype=h5py.string_dtype())
            trials["tags_index"] = np.arange(n) * 2
            trials["xy"] = np.zeros((n, 2))
    return path


def ibl_trials(n=40, seed=1):
    """Trials in IBL's coding, by the names of ONE."""
    draw = np.random.default_rng(seed)
    contrast = draw.choice([1, 0.5, 0.25, 0.125, 0.0625, 0], n)
    right = draw.random(n) < 0.5
    started = np.arange(n) * 3.0
    return {"choice": draw.choice([-1.0, 1.0, 0.0], n, p=[0.45, 0.45, 0.1]),
            "contrastLeft": np.where(right, np.nan, contrast), "contrastRight": np.where(right, contrast, np.nan),
            "feedbackType": draw.choice([-1.0, 1.0], n), "probabilityLeft": draw.choice([0.2, 0.5, 0.8], n),
            "rewardVolume": np.full(n, 1.5), "stimOn_times": started, "response_times": started + draw.random(n),
            "intervals": np.zeros((n, 2))}


def of_ibl(columns):
    """What the field reads in such trials: stimulus, side, choice, reward, reaction time, p_left."""
    rows = []
    for i in range(len(columns["choice"])):
        left, right = columns["contrastLeft"][i], columns["contrastRight"][i]
        choice = {-1: 1.0, 1: 0.0, 0: None}[int(columns["choice"][i])]
        rewarded = columns["feedbackType"][i] == 1
        rt = columns["response_times"][i] - columns["stimOn_times"][i]
        rows.append((-left if np.isnan(right) else right, 0.0 if np.isnan(right) else 1.0, choice,
                     float(rewarded),
                     rt if rt >= 0 else None, columns["probabilityLeft"][i]))
    return rows
