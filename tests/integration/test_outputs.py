"""What a command writes never destroys what it reads, nor anybody's work: every command, every
output, every input, by every way to name it."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from daemon import MURID, Daemon

SOURCE = os.environ["MURID_SOURCE_DIR"]
SHIPPED = os.path.join(SOURCE, "configs", "models", "mice.safetensors")
DEMO = os.path.join(SOURCE, "configs", "demo", "virtual_mouse.csv")
PROTOCOL = os.path.join(SOURCE, "configs", "protocols", "fixed_set.yaml")
CONFIG = os.path.join(SOURCE, "configs", "demo.yaml")

# Command lines with the names of files: {t} a table, {m} a model, {p} a protocol, {q} another, {j} a
# journal, {d} its directory. Then the options that write.
COMMANDS = {
    "advise": [("{t} --model {m} --protocol {p}", ["--plot"]), ("{d} --protocol {p}", ["--plot"])],
    "compare": [("reinforce {t}", ["--csv", "--plot"])],
    "fit": [("{t} --rule dnn --epochs 1 -o NEW", ["--losses"]), ("{t} --rule reinforce", ["-o"]),
            ("{t} --rule reinforce --cv 2", ["--csv", "--plot"])],
    "forecast": [("{t} --model {m} --protocol {p}", ["--plot"]), ("{j}", ["--plot"])],
    "import": [("{i}", ["-o"])],
    "model": [("--join {m} {n}", ["-o"]), ("--new", ["-o"])],
    "mouse": [("--model {m} --bind tcp://127.0.0.1:*", ["--truth"])],
    "review": [("{d}", ["--html"]), ("{j}", ["--html"])],
    "rule": [("{m} --rule rnn", ["--csv", "--plot"])],
    "simulate": [("--model {n}", ["-o", "--truth"]),
                 ("--protocol {p} --model {m}", ["-o", "--csv", "--plot"]),
                 ("--compare {p} {q}", ["--csv", "--plot"])],
    "status": [("{t}", ["--plot"]), ("{d}", ["--plot"])],
}


def murid(*words, **keys):
    return subprocess.run([MURID, *words], capture_output=True, text=True, timeout=120, **keys)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


class Outputs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="murid-outputs-")
        cls.root = cls.temporary.name
        at = cls.path
        with open(DEMO) as f:
            rows = f.read().splitlines(keepends=True)[:400]
        with open(at("t.csv"), "w") as f:
            f.writelines(rows)
        shutil.copy(SHIPPED, at("m.csv"))
        shutil.copy(PROTOCOL, at("p.csv"))
        shutil.copy(PROTOCOL, at("q.csv"))
        shutil.copy(CONFIG, at("c.csv"))
        done = murid("model", "--new", "-o", at("n.csv"))
        assert done.returncode == 0, done.stderr
        assert murid("keygen", at("keys.csv")).returncode == 0
        with open(at("raw.csv"), "w") as f:
            f.write('{"correct_side": 1, "response_time_buffer": 0.4, "contrast": 1.0, '
                    '"behavior_data": {"States timestamps": {}}}\n')
        os.mkdir(at("rig"))
        with open(at("rig/r.jsonable"), "w") as f:
            for n in range(9):
                f.write(json.dumps({"trial_num": n, "contrast": 1.0, "position": 35.0, "response_side": -1,
                                    "response_time": 0.5, "trial_correct": True, "stim_probability_left": 0.5}) + "\n")
        shutil.copy(at("rig/r.jsonable"), at("i.jsonable"))
        daemon = Daemon(directory=cls.root).start()
        done = murid("play", DEMO, "--asap", "--limit", "50", "--to", daemon.endpoint["ask"])
        assert done.returncode == 0, done.stderr
        daemon.kill()  # so that what SQLite keeps beside the journal is there too
        daemon.close()
        cls.files = {"t": at("t.csv"), "m": at("m.csv"), "n": at("n.csv"), "p": at("p.csv"),
                     "q": at("q.csv"), "i": at("i.jsonable"), "d": at("data"), "j": at("data/journal.sqlite")}

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.root, name)

    def contents(self):
        """Digests of all that is there, links apart."""
        found = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    found[path] = digest(path)
        return found

    def inputs_of(self, line):
        """The files that a command line reads; of a journal all that belong to it."""
        for key in re.findall(r"\{(\w)\}", line):
            if key in "dj":
                for name in os.listdir(self.files["d"]):
                    yield os.path.join(self.files["d"], name)
            else:
                yield self.files[key]

    def ways_to(self, path):
        """Names of one file: as it is, round about, by a link, by a hard link."""
        made = []
        stem = self.path("stem")
        for way in ("plain", "round", "link", "hard"):
            if way == "plain":
                yield path
            elif way == "round":
                yield os.path.join(self.root, ".", "..", os.path.basename(self.root),
                                   os.path.relpath(path, self.root))
            else:
                (os.symlink if way == "link" else os.link)(path, stem)
                made.append(stem)
                yield stem
                os.remove(made.pop())

    def all_lines(self):
        for command, lines in COMMANDS.items():
            for line, outputs in lines:
                for output in outputs:
                    words = [w.format(**self.files) for w in line.split()]
                    words = [self.path("new") if w == "NEW" else w for w in words]
                    yield command, line, words, output

    def test_the_table_has_every_command_and_option_that_writes(self):
        commands = re.findall(r"(?m)^  (\w+)  +\S", murid("--help").stdout)
        self.assertGreater(len(commands), 15)
        for command in commands:
            text = murid(command, "--help").stdout
            known = {o for _, outputs in COMMANDS.get(command, ()) for o in outputs}
            if "--force" in text and not known:
                self.fail(f"murid {command} writes files: say in COMMANDS how, so that they are tried here")
            # What is named FILE.csv, FILE.svg or the new model is written.
            named = re.findall(r"(?m)^  (--?[\w-]+) (?:FILE\.csv|FILE\.svg|M\.safetensors)\b", text)
            self.assertEqual(set(named) - known, set(), f"murid {command} writes these too: add them to COMMANDS")

    def test_no_input_is_changed_by_any_combination(self):
        before = self.contents()
        n = 0
        for command, line, words, output in self.all_lines():
            for target in self.inputs_of(line):
                for way in self.ways_to(target):
                    for force in ([], ["--force"]):
                        done = murid(command, *words, output, way, *force)
                        where = (command, *words, output, way, *force)
                        self.assertEqual(done.returncode, 2, (where, done.stderr))
                        self.assertEqual(done.stdout, "", where)
                        self.assertRegex(done.stderr, r"\Amurid: .*is an input.*; name another file\n\Z")
                        n += 1
        self.assertEqual(self.contents(), before)
        print(n, "combinations of command, output, input and name")
        self.assertGreater(n, 250)

    def test_nothing_of_worth_is_written_over_unless_forced(self):
        kept = {"a trial table": "t.csv", "a model file": "m.csv", "a protocol": "p.csv",
                "a configuration": "c.csv", "a journal": "data/journal.sqlite",
                "a CURVE key pair": "keys.csv", "a data file of iblrig": "raw.csv"}
        n = 0
        for command, line, words, output in self.all_lines():
            for kind, name in kept.items():
                copy = self.path("copy")
                shutil.copy(self.path(name), copy)
                before = self.contents()
                done = murid(command, *words, output, self.path("copy"))
                self.assertEqual(done.returncode, 2, (command, words, output, kind, done.stderr))
                self.assertRegex(done.stderr, rf"\Amurid: .*: exists and holds {kind}; name "
                                              r"another file, or use --force to overwrite it\n\Z")
                self.assertEqual(self.contents(), before)
                n += 1
        os.remove(self.path("copy"))
        self.assertGreater(n, 100)

    def test_nothing_in_a_folder_that_is_read_is_written_over(self):
        before = self.contents()
        for force in ([], ["--force"]):
            for command in (["import"], ["fit", "--rule", "none"]):
                done = murid(command[0], self.path("rig"), *command[1:], "-o", self.path("rig/r.jsonable"), *force)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn("is an input", done.stderr)
        self.assertEqual(self.contents(), before)
        self.assertEqual(murid("import", self.path("rig"), "-o", self.path("rig/new.csv")).returncode, 0)
        os.remove(self.path("rig/new.csv"))

    def test_force_writes_over_them_whole(self):
        shutil.copy(self.path("m.csv"), self.path("o"))
        done = murid("status", self.path("t.csv"), "--plot", self.path("o"), "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("o")) as f:
            self.assertIn("<svg", f.read())
        done = murid("status", self.path("t.csv"), "--plot", self.path("o"))  # a figure may be made anew
        self.assertEqual(done.returncode, 0, done.stderr)
        os.remove(self.path("o"))

    def test_two_outputs_are_not_one_file(self):
        for words in (["simulate", "--trials", "5", "-o", "x", "--truth", "x"],
                      ["rule", SHIPPED, "--rule", "rnn", "--csv", "x", "--plot", "x"],
                      ["simulate", "--protocol", PROTOCOL, "--csv", "x", "--plot", "x"]):
            words = [self.path("x") if w == "x" else w for w in words]
            done = murid(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn("both name", done.stderr)
            self.assertFalse(os.path.exists(self.path("x")))

    def test_what_cannot_be_finished_leaves_what_was_there(self):
        with open(self.path("o"), "w") as f:
            f.write("<svg>before</svg>\n")
        limited = ["bash", "-c", 'trap "" XFSZ; ulimit -f 1; exec "$@"', "-", MURID]
        done = subprocess.run([*limited, "status", self.path("t.csv"), "--plot", self.path("o")],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("/o: cannot be written: File too large", done.stderr)
        with open(self.path("o")) as f:
            self.assertEqual(f.read(), "<svg>before</svg>\n")
        self.assertEqual([n for n in os.listdir(self.root) if n.endswith(".tmp")], [])
        os.remove(self.path("o"))

    def test_a_link_is_followed_and_modes_stay(self):
        with open(self.path("o"), "w") as f:
            f.write("<svg>before</svg>\n")
        os.chmod(self.path("o"), 0o640)
        os.symlink("o", self.path("latest"))
        done = murid("status", self.path("t.csv"), "--plot", self.path("latest"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(os.path.islink(self.path("latest")))
        self.assertGreater(os.path.getsize(self.path("o")), 500)
        self.assertEqual(os.stat(self.path("o")).st_mode & 0o777, 0o640)
        os.remove(self.path("o"))
        os.remove(self.path("latest"))

    def test_devices_and_pipes_of_the_shell_are_written_as_they_are(self):
        done = murid("status", self.path("t.csv"), "--plot", "/dev/stderr")
        self.assertEqual(done.returncode, 0)
        self.assertIn("</svg>", done.stderr)
        before = os.stat("/dev/null").st_rdev
        self.assertEqual(murid("status", self.path("t.csv"), "--plot", "/dev/null").returncode, 0)
        self.assertEqual(os.stat("/dev/null").st_rdev, before)

    def test_a_table_where_a_fit_would_keep_its_state_is_not_taken_for_one(self):
        shutil.copy(self.path("t.csv"), self.path("f.fit"))
        before = self.contents()
        for words in ([self.path("t.csv")], [self.path("t.csv"), "--resume"], [self.path("f.fit")]):
            done = murid("fit", *words, "--rule", "dnn", "-o", self.path("f"))
            self.assertEqual(done.returncode, 2)
            self.assertIn("f.fit: holds a trial table, but is where the fit would keep its state", done.stderr)
        self.assertEqual(self.contents(), before)
        os.remove(self.path("f.fit"))

    def test_a_fit_that_goes_on_may_replace_its_own_model(self):
        words = ["fit", self.path("t.csv"), "--rule", "dnn", "--epochs", "1000000", "-o", self.path("f")]
        process = subprocess.Popen([MURID, *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            process.communicate(timeout=1.5)
            self.fail("ended before it was told to")
        except subprocess.TimeoutExpired:
            process.send_signal(2)
        process.communicate(timeout=60)
        self.assertTrue(os.path.exists(self.path("f")))
        done = murid(*words)
        self.assertIn("--force", done.stderr)
        resumed = subprocess.Popen([MURID, *words, "--resume"], stderr=subprocess.PIPE, text=True)
        try:
            resumed.communicate(timeout=0.7)
            self.fail("ended before it was told to: " + str(resumed.returncode))
        except subprocess.TimeoutExpired:
            resumed.send_signal(2)
        said = resumed.communicate(timeout=60)[1]
        self.assertIn("interrupted after", said)
        for name in ("f", "f.fit"):
            os.remove(self.path(name))


if __name__ == "__main__":
    unittest.main()
