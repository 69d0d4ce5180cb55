"""Writes tests/golden/pybpod: session.csv, laid out as pybpod writes a session, with csv.writer as it does; and
session.txt, the trials that were drawn for it, as support/rig_source.h prints them. Run it by hand:
    python3 tests/support/pybpod_session.py tests/golden/pybpod"""
import csv
import random
import sys

STATES = ["Fixation", "StimulusTrigger", "ResponseWindow", "Reward", "Punish", "Miss", "Exit"]
NOW = "2024-03-12 10:11:12.000001"


def main(folder, n=12):
    draw = random.Random(5)
    sides = [draw.randint(0, 1) for _ in range(n + 5)]
    lines = ["start N11 N11_Training_20240312-101112 StageTraining 1.8.2 2024-03-12 10:11:12.000001"]
    with open(folder + "/session.csv", "w", newline="") as f:
        out = csv.writer(f, delimiter=";", quotechar="|", quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
        count = [0]

        def row(*fields):
            out.writerow(fields)
            count[0] += 1

        row("__UUID4__", "1c514b54-0f3c-4f4c-8f4c-000000000000")
        row("__CREATED-ON__", NOW)
        row("__DEF-URL__", "http://pybpod-api.readthedocs.org")
        row("__DEF-TEXT__", "This file contains data recorded during a session from the PyBpod system")
        row("__SOFTWARE__", "PyBpod API v1.8.2")
        row("TYPE", "PC-TIME", "BPOD-INITIAL-TIME", "BPOD-FINAL-TIME", "MSG", "+INFO")
        for name, value in [("SESSION-NAME", "N11_Training_20240312-101112"), ("SESSION-STARTED", NOW),
                            ("SERIAL-PORT", "/dev/ttyACM0"), ("PROTOCOL-NAME", "StageTraining"),
                            ("SUBJECT-NAME", "['N11', '5f7c2f2a-0000-0000-0000-000000000000']"),
                            ("BPOD-API-VERSION", "1.8.2")]:
            row("INFO", NOW, "", "", name, value)
        row("VAL", NOW, "", "", "VAR_STAGE", 3)
        row("VAL", NOW, "", "", "REWARD_SIDE", sides)
        row("stdout", NOW, "", "", "a text; with | and ; in it", "")
        for k in range(n):
            coherence = draw.choice([0, 25, 50, 100])
            outcome = draw.choices(["Reward", "Punish", "Miss"], [6, 3, 1])[0]
            start, rt = round(draw.uniform(0.3, 2), 4), round(draw.uniform(0.1, 1.5), 4)
            row("TRIAL", NOW, "", "", "New trial", "")
            line = count[0]
            row("EVENT", NOW, 0.3, "", "58", "Port2In")
            row("TRANSITION", NOW, start, "", "ResponseWindow", "")
            row("END-TRIAL", NOW, "", "", "The trial ended", "")
            row("INFO", NOW, 10.0 * k, 10.0 * k + 5, "TRIAL-BPOD-TIME", 5.0)
            visits = {"Fixation": (0, start - 0.1), "StimulusTrigger": (start - 0.1, start),
                      "ResponseWindow": (start, start + rt), outcome: (start + rt, start + rt + 0.2),
                      "Exit": (start + rt + 0.2, start + rt + 0.3)}
            for name in STATES:
                begin, end = visits.get(name, (float("nan"), float("nan")))
                row("STATE", NOW, f"{begin:.4f}", f"{end:.4f}", name, end - begin)
            row("VAL", NOW, "", "", "COHERENCE", coherence)
            right = sides[k]
            chose = "-" if outcome == "Miss" else right if outcome == "Reward" else 1 - right
            stimulus = (1 if right else -1) * coherence / 100
            lines.append(f"{k + 1}: stimulus {stimulus + 0:g} choice {chose} side {right} "
                         f"reward {int(outcome == 'Reward')} rt {'nan' if chose == '-' else format(rt, 'g')} line {line}")
        row("TRIAL", NOW, "", "", "New trial", "")
        lines.append(f"wrong :{count[0]}: the trial has no rows STATE: it was not finished; its states, behind END-TRIAL was "
                     "expected: the trial is left out")
        row("INFO", NOW, "", "", "SESSION-ENDED", "2024-03-12 11:11:12.000001")
        lines.append("end 2024-03-12 11:11:12.000001")
    with open(folder + "/session.txt", "w") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
