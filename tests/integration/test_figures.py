"""Every figure and page, with the longest names: nothing undefined, unknown or cut off in it. What there
is to see is for people to judge; here it is held to what a machine can tell."""
import csv
import os
import random
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ET

from daemon import MURID, Daemon

SOURCE = os.environ["MURID_SOURCE_DIR"]
MICE = os.path.join(SOURCE, "configs", "models", "mice.safetensors")
PROTOCOL = os.path.join(SOURCE, "configs", "protocols", "staged_2afc.yaml")
IBL = os.path.join(SOURCE, "configs", "protocols", "ibl_training.yaml")
WIDE, MIXED = "W" * 64, "Animal-of_the.lab" + 47 * "m"
SESSION = "Session-of_the.lab." + 44 * "M"
COLUMNS = ("subject", "session", "trial", "stimulus", "choice", "reward", "rt_s", "side")
CONTRASTS = (-1, -0.5, -0.25, 0, 0.25, 0.5, 1)
FONT_PX = 12
# Widths of ' ' to '~' in DejaVu Sans, a wide font, and in its bold one, in hundredths of its size.
PLAIN = [32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64,
         64, 64, 64, 64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66,
         56, 86, 75, 79, 60, 79, 69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61,
         63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82,
         59, 59, 52, 64, 34, 64, 84]
BOLD = [35, 46, 52, 84, 70, 100, 87, 31, 46, 46, 52, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70,
        70, 70, 70, 70, 40, 40, 84, 84, 84, 58, 100, 77, 76, 73, 83, 68, 68, 82, 84, 37, 37, 77,
        64, 100, 84, 85, 73, 85, 77, 72, 68, 81, 77, 110, 77, 72, 73, 46, 37, 46, 84, 50, 50, 67,
        72, 59, 72, 68, 44, 72, 71, 34, 34, 67, 34, 104, 71, 69, 72, 72, 49, 60, 48, 71, 65, 92,
        65, 65, 58, 71, 37, 71, 84]


def features():
    """All that the model library knows."""
    with open(os.path.join(SOURCE, "model", "include", "model", "policy.h")) as f:
        found = re.findall(r'^    X\(\w+, (\w+), "[^"]*"\)', f.read().split("define MODEL_TRANSFORM_LIST")[0], re.M)
    assert "choice_trace" in found and len(found) >= 9, found
    return found


def trials(subject, n, session=SESSION, seed=0, slope=3):
    draw = random.Random(f"{subject} {session} {seed}")
    for trial in range(n):
        stimulus = draw.choice(CONTRASTS)
        side = int(stimulus > 0) if stimulus else draw.randrange(2)
        choice = int(draw.random() < 1 / (1 + 2.718 ** (-slope * stimulus)))
        yield {"subject": subject, "session": session, "trial": trial, "stimulus": stimulus,
               "choice": choice, "reward": int(choice == side), "rt_s": 0.4, "side": side}


def width(text, is_bold):
    widths = BOLD if is_bold else PLAIN
    return FONT_PX / 100 * sum(widths[ord(c) - 32] if " " <= c <= "~" else 100 for c in text)


class Figures(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory())

    def path(self, name):
        return os.path.join(self.directory, name)

    def run_murid(self, *words):
        done = subprocess.run([MURID, *words], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, (words, done.stderr))
        return done.stdout

    def table(self):
        """Three animals of four sessions each."""
        path = self.path("trials.csv")
        with open(path, "w", newline="") as f:
            writer = csv.DictWriter(f, COLUMNS)
            writer.writeheader()
            for subject in (WIDE, MIXED, "m1"):
                for k in range(4):
                    writer.writerows(trials(subject, 250, SESSION[:63] + str(k), slope=2 * k))
        return path

    # ---- what a machine can tell ----

    def check_words(self, text, what):
        self.assertNotIn("(null)", text, what)
        self.assertNotIn('class=""', text, what)
        self.assertEqual(re.findall(r'="[^"]*\b(?:nan|inf)\b[^"]*"|>[^<>]*\bnan\b[^<>]*<', text), [], what)

    def check_classes(self, text, style, what):
        used = {c for names in re.findall(r'class="([^"]*)"', text) for c in names.split(" ")}
        defined = set(re.findall(r"\.([A-Za-z][\w-]*)", style))
        self.assertGreater(len(used), 3, what)
        self.assertEqual(used - defined, set(), what)

    def boxes(self, svg):
        """Of each text: left, right, base line, the text."""
        for e in svg.iter():
            if e.tag.split("}")[-1] != "text" or not e.text:
                continue
            x, wide = float(e.get("x")), width(e.text, "head" in e.get("class").split())
            left = {"start": x, "middle": x - wide / 2, "end": x - wide}[e.get("text-anchor")]
            yield left, left + wide, float(e.get("y")), e.text

    def check_picture(self, svg, what):
        """All text lies inside, and none over another."""
        w, h = (float(v) for v in svg.get("viewBox").split()[2:])
        boxes = list(self.boxes(svg))
        self.assertGreater(len(boxes), 5, what)
        for left, right, y, text in boxes:
            self.assertTrue(left >= -2 and right <= w + 2 and FONT_PX - 3 <= y <= h, (what, w, h, left, right, y, text))
        for i, (left, right, y, text) in enumerate(boxes):
            for other in boxes[:i]:
                apart = other[0] >= right - 1 or left >= other[1] - 1 or abs(y - other[2]) >= 10
                self.assertTrue(apart, (what, text, other[3]))

    def check_svg(self, path):
        with open(path) as f:
            text = f.read()
        self.check_words(text, path)
        self.check_classes(text, text.split("</style>")[0], path)
        self.check_picture(ET.fromstring(text), path)
        return text

    def check_page(self, path, at_least):
        with open(path) as f:
            text = f.read()
        style, body = text.split("</style>", 1)
        self.check_words(text, path)
        self.check_classes(body, style, path)
        pictures = re.findall(r"<svg .*?</svg>", body, re.S)
        self.assertGreaterEqual(len(pictures), at_least)
        for picture in pictures:
            self.check_picture(ET.fromstring(picture), picture[:120])
        return text

    # ---- the figures ----

    def test_status(self):
        self.run_murid("status", self.table(), "--plot", self.path("f.svg"))
        drawn = self.check_svg(self.path("f.svg"))
        self.assertIn(f"…<title>{WIDE}</title>", drawn)

    def test_forecast(self):
        table = self.table()
        for at in ("200", "900"):
            self.run_murid("forecast", table, "--subject", WIDE, "--at", at, "--rollouts", "40",
                           "--horizon", "500", "--plot", self.path("f.svg"))
            self.check_svg(self.path("f.svg"))

    def test_advice(self):
        self.run_murid("advise", self.table(), "--subject", WIDE, "--at", "400", "--protocol",
                       self.protocol(), "--model", MICE, "--rollouts", "12", "--plot", self.path("f.svg"))
        self.check_svg(self.path("f.svg"))

    def protocol(self):
        """One whose name and stages have the longest names there are."""
        with open(PROTOCOL) as f:
            text = f.read()
        names = dict.fromkeys(re.findall(r"name: (\S+)", text))
        self.assertGreater(len(names), 3)
        for name in names:
            text = re.sub(rf"\b{name}\b", (name.upper() + 47 * "W")[:47], text)
        path = self.path("P" * 60 + ".yaml")
        with open(path, "w") as f:
            f.write(text)
        return path

    def test_simulations(self):
        words = ("simulate", "--rule", "reinforce", "--rate", "0.05", "--mice", "3", "--sessions", "4",
                 "--plot", self.path("f.svg"))
        self.run_murid(*words, "--protocol", self.protocol())
        self.check_svg(self.path("f.svg"))
        self.run_murid(*words, "--compare", self.protocol(), IBL)
        self.check_svg(self.path("f.svg"))

    def test_rules(self):
        for rule in ("rnn", "gru_policy", "none"):
            self.run_murid("rule", MICE, "--rule", rule, "--plot", self.path("f.svg"))
            self.check_svg(self.path("f.svg"))

    def test_comparisons(self):
        self.run_murid("fit", self.table(), "--cv", "3", "--rule", "reinforce", "--epochs", "1", "--hold-out", "0",
                       "--plot", self.path("t.svg"))
        self.check_svg(self.path("t.svg"))

    def test_families(self):
        self.run_murid("compare", self.table(), "--plot", self.path("t.svg"))
        self.check_svg(self.path("t.svg"))

    def review(self, config, names):
        with Daemon(config) as daemon:
            asker = daemon.asker()
            for subject in names:
                for k in range(4):
                    for t in trials(subject, 40, SESSION[:63] + str(k)):
                        reply = asker.ask(v=1, kind="trial", rig="R" * 64, **t)
                        self.assertEqual(reply["kind"], "prediction", reply)
            asker.close()
            daemon.settle()
            self.run_murid("review", daemon.data, "--html", self.path("page.html"))
        return self.check_page(self.path("page.html"), 5 * len(names))

    def test_the_page_of_the_shipped_model(self):
        page = self.review({"model": {"file": MICE}, "forecast": {"enabled": True, "every_trials": 50,
                                                                "rollouts": 20}}, [WIDE, MIXED])
        self.assertIn(">choice_trace</text>", page)

    def test_the_page_of_a_model_of_every_feature(self):
        names = features()
        self.assertEqual(set(names[:8] + names[-8:]), set(names))
        for policy in (names[:8], names[-8:]):
            page = self.review({"model": {"policy": ",".join(policy)}}, ["m1"])
            for name in policy:
                self.assertIn(f">{name}</text>", page)
            colours = re.findall(r'<line class="line (c\d)"', page)
            self.assertEqual(len(set(colours)), len(policy), colours)


if __name__ == "__main__":
    unittest.main()
