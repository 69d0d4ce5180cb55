"""Sessions as iblrig writes them, in a folder that a daemon follows: made here, or recorded ones
written again; byte by byte if need be. What the daemon must have of them is read here on its own."""
import datetime
import json
import os
import random

LAB = os.path.join("testlab", "Subjects")
DATA = "_iblrig_taskData.raw.jsonable"
SETTINGS = "_iblrig_taskSettings.raw.json"


def day(before=0):
    return (datetime.date.today() - datetime.timedelta(days=before)).isoformat()


def line(number, draw, padding=0):
    """A trial as a line of JSON, bare NaN and all."""
    contrast = draw.choice((0.0, 0.0625, 0.125, 0.25, 0.5, 1.0))
    position = draw.choice((-35.0, 35.0))
    outcome = draw.choice(("correct",) * 6 + ("error",) * 3 + ("no_go",))
    turned = {"correct": -1, "error": 1, "no_go": 0}[outcome] * (1 if position > 0 else -1)
    states = {s: [[float("nan")] * 2] for s in ("correct", "error", "no_go")}
    states[outcome] = [[1.5, 2.0]]
    return json.dumps({
        "contrast": contrast, "stim_probability_left": 0.5, "position": position, "quiescent_period": 0.5,
        "reward_amount": 1.5 if outcome == "correct" else 0.0, "trial_num": number, "response_side": turned,
        "response_time": round(draw.uniform(0.1, 3.0), 4), "trial_correct": outcome == "correct",
        "training_phase": 0, "debias_trial": False, "signed_contrast": None,
        "behavior_data": {"Bpod start timestamp": 21.07, "States timestamps": states,
                          "Events timestamps": {"BNC1High": [0.1234] * (padding // 8)}}})


def expected(text):
    """(trial, stimulus, choice) of a line, by iblrig's own conventions."""
    t = json.loads(text)
    sign = 1 if t["position"] > 0 else -1
    return (t["trial_num"], sign * t["contrast"] if t["contrast"] else 0.0,
            {-1: 1, 1: 0, 0: None}[t["response_side"]])


class Session:
    """One session's folder. lines: its trials, without their ends."""

    def __init__(self, root, subject="m1", number=1, date=None, lines=(), task="_iblrig_tasks_trainingChoiceWorld",
                 end="\n", folder="raw_task_data_00", started=None):
        self.subject, self.date, self.number, self.end = subject, date or day(), number, end
        self.name = f"{self.date}_{number:03d}_{folder[-2:]}"
        self.folder = os.path.join(root, LAB, subject, self.date, f"{number:03d}", folder)
        self.data = os.path.join(self.folder, DATA)
        self.lines = list(lines)
        self.left = "".join(text + end for text in self.lines).encode()
        self.written = 0
        self.settings = {"SUBJECT_NAME": subject, "SESSION_START_TIME": f"{self.date}T{started or '10:00:00.5'}",
                         "SESSION_NUMBER": number, "SESSION_END_TIME": None, "PYBPOD_PROTOCOL": task,
                         "IBLRIG_VERSION": "8.24.7"}

    @classmethod
    def made(cls, root, n, seed, padding=0, **keys):
        draw = random.Random(seed)
        return cls(root, lines=[line(i, draw, padding) for i in range(n)], **keys)

    @classmethod
    def recorded(cls, root, source, **keys):
        with open(os.path.join(source, DATA), newline="") as f:
            return cls(root, lines=f.read().split("\n")[:-1], **keys)

    def begin(self, half=None):
        """The folder and its settings; of them only the first bytes, if half says how many."""
        os.makedirs(self.folder, exist_ok=True)
        text = json.dumps(self.settings, indent=4)
        with open(os.path.join(self.folder, SETTINGS), "w") as f:
            f.write(text if half is None else text[:half])
        return self

    def write(self, n=None):
        """Appends n bytes, or all that is left. True: there is more."""
        part = self.left[self.written:] if n is None else self.left[self.written:self.written + n]
        with open(self.data, "ab") as f:
            f.write(part)
        self.written += len(part)
        return self.written < len(self.left)

    def add(self, *lines):
        """Appends lines that may be anything, at once."""
        with open(self.data, "ab") as f:
            f.write("".join(text + self.end for text in lines).encode())

    def finish(self):
        self.settings["SESSION_END_TIME"] = f"{self.date}T11:00:00.5"
        return self.begin()

    def expected(self):
        return [(self.subject, self.name, *expected(text)) for text in self.lines]
