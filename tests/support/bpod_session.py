"""Sessions of Bpod's Light2AFC as MATLAB keeps them, written by scipy and h5py."""
import itertools
import random

import h5py
import numpy as np
import scipy.io

NAN = np.full((1, 2), np.nan)
STATES = ["WaitForPoke", "CueDelay", "WaitForPortOut", "WaitForResponse", "LeftRewardDelay", "RightRewardDelay",
          "LeftReward", "RightReward", "Drinking", "DrinkingGrace", "Punish", "CorrectEarlyWithdrawal"]


def light_2afc(n, seed=1):
    """SessionData of n trials, as AddTrialEvents and the protocol fill it in."""
    draw = random.Random(seed)
    types, trials, starts, settings = [], [], [], []
    for k in range(n):
        states = {name: NAN for name in STATES}
        right = draw.random() < 0.5
        t = draw.uniform(0.2, 3)
        visits = []
        for _ in range(draw.randint(1, 3)):
            visits.append([0.0 if not visits else t - 0.1, t])
            t += 0.3
        states["WaitForPoke"] = np.array(visits)
        states["CueDelay"] = np.array([[t - 0.2, t]])
        states["WaitForPortOut"] = np.array([[t, t + 0.05]])
        end = round(t + 0.05 + draw.uniform(0.1, 2), 4)  # Bpod ticks every 0.1 ms
        states["WaitForResponse"] = np.array([[round(t + 0.05, 4), end]])
        outcome = draw.choices(["correct", "wrong", "none", "early"], [6, 2, 1, 1])[0]
        side = "Right" if right else "Left"
        if outcome == "wrong":
            states["Punish"] = np.array([[end, end + 3]])
        elif outcome != "none":
            states[side + "RewardDelay"] = np.array([[end, end + 0.1]])
        if outcome == "correct":
            states[side + "Reward"] = np.array([[end + 0.1, end + 0.15]])
            states["Drinking"] = np.array([[end + 0.15, end + 1], [end + 1.2, end + 2]])
        elif outcome == "early":
            states["CorrectEarlyWithdrawal"] = np.array([[end + 0.1, end + 0.1]])
        types.append(2 if right else 1)
        starts.append(10.0 * k)
        trials.append({"States": states, "Events": {"Port2In": np.array([[0.5]]), "Tup": np.array([[t, end]])}})
        settings.append({"GUI": {"RewardAmount": 3, "Contrast": draw.choice([0.25, 0.5, 1.0])}})
    return {"Info": {"SessionDate": "12-Mar-2024", "SessionStartTime_UTC": "10:11:12", "BpodSoftwareVersion": "1.8.1",
                     "StateMachineVersion": "Bpod 2+"},
            "nTrials": float(n), "RawEvents": {"Trial": cells(trials)},
            "RawData": {"OriginalStateNamesByNumber": cells([cells(STATES)] * n)},
            "TrialStartTimestamp": np.array([starts]), "TrialSettings": structs(settings),
            "TrialTypes": np.array([types], dtype=float)}


def cells(values):
    array = np.empty((1, len(values)), dtype=object)
    for i, value in enumerate(values):
        array[0, i] = value
    return array


def structs(values):
    """An array of structs, for dicts of the same keys."""
    array = np.empty((1, len(values)), dtype=[(name, object) for name in values[0]] if values else [("GUI", object)])
    for i, value in enumerate(values):
        for name, of in value.items():
            array[0, i][name] = of
    return array


def save(path, data, compressed=False, name="SessionData"):
    scipy.io.savemat(path, {name: data}, do_compression=compressed, long_field_names=True)


def save_hdf5(path, data, name="SessionData"):
    """As MATLAB's save -v7.3."""
    def attributes(item, kind):
        text = h5py.h5t.C_S1.copy()  # of a size without room for the NUL, as MATLAB's
        text.set_size(len(kind))
        at = h5py.h5a.create(item.id, b"MATLAB_class", text, h5py.h5s.create(h5py.h5s.SCALAR))
        at.write(np.array(kind.encode(), dtype=f"S{len(kind)}"), mtype=text)

    def write(parent, key, value):
        if isinstance(value, dict):
            group = parent.create_group(key)
            attributes(group, "struct")
            fields = np.empty(len(value), dtype=object)
            for i, field in enumerate(value):
                fields[i] = np.array([c.encode() for c in field], dtype="S1")
            group.attrs.create("MATLAB_fields", fields, dtype=h5py.special_dtype(vlen=np.dtype("S1")))
            for field, of in value.items():
                write(group, field, of)
        elif isinstance(value, np.ndarray) and value.dtype == object:
            pointers = np.empty(value.shape[::-1], dtype=h5py.special_dtype(ref=h5py.Reference))
            for i, of in enumerate(value.ravel()):
                pointers[i, 0] = refer(of)
            attributes(parent.create_dataset(key, data=pointers), "cell")
        elif isinstance(value, np.ndarray) and value.dtype.names:
            group = parent.create_group(key)
            attributes(group, "struct")
            for field in value.dtype.names:
                pointers = np.empty(value.shape[::-1], dtype=h5py.special_dtype(ref=h5py.Reference))
                for i, of in enumerate(value.ravel()):
                    pointers[i, 0] = refer(of[field])
                group.create_dataset(field, data=pointers)
        elif isinstance(value, str):
            item = parent.create_dataset(key, data=np.array([[ord(c)] for c in value], dtype=np.uint16))
            attributes(item, "char")
            item.attrs["MATLAB_int_decode"] = np.int32(2)
        else:
            attributes(parent.create_dataset(key, data=np.atleast_2d(np.asarray(value, dtype=float)).T), "double")

    with h5py.File(path, "w", userblock_size=512) as f:
        refs, numbers = f.create_group("#refs#"), itertools.count()

        def refer(value):
            key = f"r{next(numbers)}"
            write(refs, key, value)
            return refs[key].ref

        write(f, name, data)
    with open(path, "r+b") as f:
        f.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: x HDF5 schema 1.00 .".ljust(124) + b"\x00\x02IM")


def read_mat(path):
    """The trials of Light2AFC in a file, read by scipy."""
    data = scipy.io.loadmat(path, simplify_cells=True)["SessionData"]
    rows = []
    for k in range(int(data["nTrials"])):
        trial = data["RawEvents"]["Trial"]
        states = (trial[k] if isinstance(trial, (list, np.ndarray)) else trial)["States"]
        was_in = {name: not np.isnan(np.atleast_2d(at)[0, 0]) for name, at in states.items()}
        right = np.atleast_1d(data["TrialTypes"])[k] == 2
        correct = was_in["LeftRewardDelay"] or was_in["RightRewardDelay"]
        choice = float(right) if correct else float(not right) if was_in["Punish"] else np.nan
        wait = np.atleast_2d(states["WaitForResponse"])
        rows.append({"trial": k + 1.0, "stimulus": 1.0 if right else -1.0, "side": float(right), "choice": choice,
                     "reward": float(was_in["LeftReward"] or was_in["RightReward"]),
                     "rt_s": wait[-1, 1] - wait[-1, 0] if correct or was_in["Punish"] else np.nan})
    return rows
