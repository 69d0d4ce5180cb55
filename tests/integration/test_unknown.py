"""What is not known is "-", null or nothing in what the commands say, never nan or inf: tables with next
to nothing in them through every command that counts."""
import csv
import json
import os
import random
import re
import subprocess
import tempfile
import unittest

from daemon import MURID, Daemon

SOURCE = os.environ["MURID_SOURCE_DIR"]
MICE = os.path.join(SOURCE, "configs", "models", "mice.safetensors")
PROTOCOL = os.path.join(SOURCE, "configs", "protocols", "ibl_training.yaml")
FULL = ("subject", "session", "trial", "stimulus", "choice", "reward", "rt_s", "side")
BARE = FULL[:5]
CONTRASTS = (-1, -0.5, -0.25, 0, 0.25, 0.5, 1)
NOT_A_NUMBER = re.compile(r".*(?<![A-Za-z])(?:nan|inf(?:inity)?)(?![A-Za-z]).*|.*\(null\).*", re.I)


def trials(n, contrasts=CONTRASTS, sessions=1, **fixed):
    draw = random.Random(n)
    rows = []
    for trial in range(n):
        stimulus = draw.choice(contrasts)
        side = int(stimulus > 0) if stimulus else draw.randrange(2)
        choice = int(draw.random() < 0.5 + 0.4 * stimulus)
        rows.append({"subject": "m1", "session": f"d{trial * sessions // n}", "trial": trial,
                     "stimulus": stimulus, "choice": choice, "reward": int(choice == side),
                     "rt_s": 0.5, "side": side, **fixed})
    return rows


SILENT = {"choice": "", "reward": ""}
TABLES = {  # name: rows, columns
    "one trial": (trials(1), FULL),
    "one trial of a bare table": (trials(1), BARE),
    "one trial at zero contrast": (trials(1, (0,)), BARE),
    "all no-go": (trials(60, **SILENT), FULL),
    "one contrast": (trials(300, (0.5,)), FULL),
    "zero contrast only": (trials(300, (0,)), FULL),
    "zero contrast only, sides unknown": (trials(300, (0,)), BARE),
    "no reward": (trials(300), BARE),
    "one session": (trials(150), FULL),
    "sessions of one trial": (trials(5, sessions=5), FULL),
}
FORECAST = ("--rollouts", "20", "--horizon", "200")
COMMANDS = {
    "forecast": (("forecast", None, *FORECAST), ("forecast", None, *FORECAST, "--at", "0"),
                 ("forecast", None, *FORECAST, "--at", "1", "--model", MICE),
                 ("forecast", None, *FORECAST, "--protocol", PROTOCOL)),
    "status": (("status", None),),
    "eval": (("eval", None), ("eval", None, "--model", MICE)),
    "audit": (("audit", PROTOCOL, None),),
    "advise": (("advise", None, "--protocol", PROTOCOL, "--model", MICE, "--rollouts", "20"),),
}
PICTURES = ("forecast", "status", "advise")


class Unknown(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory())

    def write(self, rows, columns):
        path = os.path.join(self.directory, "trials.csv")
        with open(path, "w", newline="") as f:
            writer = csv.DictWriter(f, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def say(self, *words):
        """What the command says, which is a whole word of its own: 1 is a rig or an animal found
        wanting, 2 too little to say anything."""
        done = subprocess.run([MURID, *words], capture_output=True, text=True, timeout=120)
        self.assertIn(done.returncode, (0, 1, 2), (words, done))
        self.assertNotIn("usage:", done.stderr, words)
        self.assertTrue(done.stdout or done.stderr, words)
        return done

    def check(self, text, words):
        self.assertEqual(NOT_A_NUMBER.findall(text), [], words)

    def check_command(self, command):
        answered = 0
        for name, (rows, columns) in TABLES.items():
            path = self.write(rows, columns)
            for words in COMMANDS[command]:
                words = [path if w is None else w for w in words]
                done = self.say(*words)
                answered += bool(done.stdout)
                self.check(done.stdout + done.stderr, (name, words))
                done = self.say(*words, "--json")
                self.check(done.stdout + done.stderr, (name, words))
                if done.stdout:
                    json.loads(done.stdout)
                if command in PICTURES:
                    picture = os.path.join(self.directory, "p.svg")
                    if self.say(*words, "--plot", picture).returncode == 0:
                        with open(picture) as f:
                            self.check(f.read(), (name, words))
        self.assertGreater(answered, len(TABLES) // 2)

    def test_forecast_says_no_nan(self):
        self.check_command("forecast")

    def test_status_says_no_nan(self):
        self.check_command("status")

    def test_eval_says_no_nan(self):
        self.check_command("eval")

    def test_audit_says_no_nan(self):
        self.check_command("audit")

    def test_advise_says_no_nan(self):
        self.check_command("advise")

    def test_simulate_and_rule_say_no_nan_of_next_to_nothing(self):
        table = os.path.join(self.directory, "mice.csv")
        for words in (("simulate", "--mice", "1", "--sessions", "1", "--trials", "1"),
                      ("simulate", "--mice", "1", "--sessions", "1", "--protocol", PROTOCOL,
                       "-o", table),
                      ("rule", MICE, "--rule", "none"), ("rule", MICE, "--rule", "rnn")):
            done = self.say(*words)
            self.check(done.stdout + done.stderr, words)

    def test_forecast_says_why_a_window_is_open(self):
        rows, columns = TABLES["zero contrast only, sides unknown"]
        path = self.write(rows, columns)
        said = self.say("forecast", path, *FORECAST).stdout
        self.assertRegex(said, r"(?m)^0-99 +- +- +- +- +0\.\d{3} ")
        self.assertIn("-: no trial of the window has a correct side that is known\n", said)
        windows = json.loads(self.say("forecast", path, *FORECAST, "--json").stdout)["windows"]
        self.assertEqual([w["correct"]["median"] for w in windows], [None, None])

    def test_eval_says_why_a_score_is_open(self):
        for name, why in (("all no-go", "-: no trial ended in a choice\n"),
                          ("one trial", "-: too few choices alike to hold a rate against its")):
            self.assertIn(why, self.say("eval", self.write(*TABLES[name])).stdout)
        self.assertNotIn("-: ", self.say("eval", self.write(*TABLES["one session"])).stdout)

    def test_forecast_says_why_windows_are_missing(self):
        path = self.write(trials(150), FULL)
        said = self.say("forecast", path, *FORECAST, "--at", "20").stdout
        self.assertIn("1 of 2 windows: only 130 observed choices follow\n", said)

    def test_a_journal_of_next_to_nothing_is_reviewed_without_nan(self):
        for name, (rows, columns) in TABLES.items():
            path = self.write(rows[:60], columns)
            page = os.path.join(self.directory, "page.html")
            with Daemon() as daemon:
                subprocess.run([MURID, "play", path, "--asap", "--to", daemon.endpoint["ask"]],
                               check=True, capture_output=True, timeout=60)
                daemon.settle()
                for words in ((), ("--json",), ("--html", page)):
                    done = self.say("review", daemon.data, *words)
                    self.assertEqual(done.returncode, 0, done)
                    self.check(done.stdout + done.stderr, (name, words))
            with open(page) as f:
                self.check(f.read(), name)


if __name__ == "__main__":
    unittest.main()
