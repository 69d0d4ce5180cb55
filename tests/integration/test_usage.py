"""Wrong usages: each is answered by one line that says where, what was found and what was expected,
with the right word where one is near; the exit code is 2, and nothing is written."""
import os
import re
import subprocess
import tempfile
import unittest

from daemon import MURID, Daemon

SOURCE = os.environ["MURID_SOURCE_DIR"]
MODEL = os.path.join(SOURCE, "configs", "models", "mice.safetensors")
TABLE = os.path.join(SOURCE, "configs", "demo", "virtual_mouse.csv")
PROTOCOL = os.path.join(SOURCE, "configs", "protocols", "fixed_set.yaml")
CONFIG = os.path.join(SOURCE, "configs", "demo.yaml")
WORDS = {"TABLE": TABLE, "MODEL": MODEL, "PROTOCOL": PROTOCOL, "CONFIG": CONFIG}

# (command line, what its one line has to say, in this order).
WRONG = [
    # Commands
    ("evl TABLE", ['"evl"', "murid --help", "did you mean eval?"]),
    ("simualte", ['"simualte"', "did you mean simulate?"]),
    ("modle MODEL", ['"modle"', "did you mean model?"]),
    ("forcast TABLE", ['"forcast"', "did you mean forecast?"]),
    ("--hlep", ['"--hlep"', "did you mean --help?"]),
    ("help", ['"help"', "did you mean --help?"]),
    ("--verison", ['"--verison"', "did you mean --version?"]),
    ("TABLE", ["no command", "murid --help lists them"]),
    # Options that are not there
    ("eval TABLE --modle MODEL", ["--modle", "did you mean --model?"]),
    ("eval TABLE --mode MODEL", ["--mode", "did you mean --model?"]),
    ("eval TABLE -model MODEL", ["-model", "did you mean --model?"]),
    ("eval TABLE -json", ["-json", "did you mean --json?"]),
    ("eval TABLE --Json", ["--Json", "did you mean --json?"]),
    ("eval TABLE \u2014json", ["\u2014json", "a dash other than '-'", "did you mean --json?"]),
    ("eval TABLE \u2013-json", ["a dash other than '-'"]),
    ("simulate --output f.csv", ["--output", "did you mean -o?"]),
    ("simulate --out=f.csv", ["--out", "did you mean -o?"]),
    ("simulate --o f.csv", ["--o", "did you mean -o?"]),
    ("status TABLE -o f.svg", ["-o", "did you mean --plot?"]),
    ("forecast TABLE --output f.svg", ["--output", "did you mean --plot?"]),
    ("advise TABLE -o f.svg", ["-o", "did you mean --plot?"]),
    ("rule MODEL -o f", ["-o", "did you mean --plot?"]),
    ("rule MODEL --svg f.svg", ["--svg", "did you mean --plot?"]),
    ("simulate --summary f.csv", ["--summary", "did you mean --csv?"]),
    ("fit TABLE -o m --table t", ["--table", "did you mean --csv?"]),
    ("review x --htlm p.html", ["--htlm", "did you mean --html?"]),
    ("fit TABLE -o m --epoch 3", ["--epoch", "did you mean --epochs?"]),
    ("fit TABLE -o m --weight_decay 3", ["--weight_decay", "did you mean --weight-decay?"]),
    ("fit TABLE -o m --holdout 3", ["--holdout", "did you mean --hold-out?"]),
    ("simulate --session 3", ["--session", "did you mean --session"]),
    ("simulate --stimulus=1", ["--stimulus", "did you mean --stimuli?"]),
    ("play TABLE --sbuject x", ["--sbuject", "did you mean --subject?"]),
    ("run --config CONFIG", ["--config", "murid run --help"]),
    ("eval TABLE --zebra", ["--zebra", "murid eval --help lists them"]),
    # Arguments
    ("eval", ["argument is missing", "eval DATA"]),
    ("fit", ["argument is missing", "fit DATA"]),
    ("eval TABLE TABLE", ["was not expected", "takes 1 argument", "usage"]),
    ("review a b", ['"b"', "was not expected"]),
    ("run CONFIG", ["was not expected", "run [-c FILE]"]),
    ("watch m1", ['"m1"', "was not expected"]),
    ("keygen", ["argument is missing", "keygen FILE"]),
    ("audit PROTOCOL", ["PROTOCOL.yaml and DATA or JOURNAL expected"]),
    ("rule", ["argument is missing", "rule M.safetensors"]),
    ("model", ["0 model files to show", "one was expected"]),
    ("eval ''", ["argument 1 is empty"]),
    # Values
    ("eval TABLE --model", ["--model", "a value was expected"]),
    ("eval TABLE --model --json", ["--model", "a value was expected", "not --json"]),
    ("eval TABLE --json=yes", ["--json", "takes no value", '"yes"']),
    ("eval TABLE --model ''", ["--model", "empty"]),
    ("simulate --mice ten", ["--mice", '"ten"', "whole number from 1"]),
    ("simulate --mice 1.5", ["--mice", '"1.5"', "whole number"]),
    ("simulate --mice -3", ["--mice", '"-3"', "from 1"]),
    ("simulate --rule reinforce --rate 0,05", ["--rate", '"0,05"', "number from 0"]),
    ("simulate --rule reinforce --rate nan", ["--rate", '"nan"', "number from 0"]),
    ("simulate --stimuli 6.25,12.5,100", ["--stimuli", '"6.25,12.5,100"', "from -1 to 1"]),
    ("simulate --stimuli 0.5;1", ["--stimuli", '"0.5;1"', "commas"]),
    ("simulate --seed 1 --seed 2", ["--seed", "twice", '"1"', '"2"']),
    ("forecast TABLE --accuracy 80", ["--accuracy", '"80"', "from 0 to 1"]),
    ("play TABLE --rate 0", ["--rate", '"0"', "from 0.001"]),
    # Words
    ("fit TABLE -o m --rule rnm", ["--rule", '"rnm"', "did you mean rnn?"]),
    ("fit TABLE -o m --rule RNN", ["--rule", '"RNN"', "did you mean rnn?"]),
    ("fit TABLE -o m --rule transformer", ["--rule", '"transformer"', " or bank"]),
    ("fit TABLE -o m --filter kalman", ["--filter", '"kalman"', "ekf, moments or none"]),
    ("fit TABLE -o m --schedule cos", ["--schedule", '"cos"', "did you mean cosine?"]),
    ("fit TABLE -o m --policy stim,bias", ["--policy", '"stim"', "stimulus, ", "did you mean stimulus?"]),
    ("fit TABLE -o m --policy stimulus,bais", ["--policy", '"bais"', "did you mean bias?"]),
    ("fit TABLE -o m --policy bias,bias", ["--policy", '"bias,bias"', "each once"]),
    ("simulate --rule renforce", ["--rule", '"renforce"', "did you mean reinforce?"]),
    ("simulate --policy win-stay", ["--policy", '"win-stay"', "did you mean win_stay?"]),
    ("eval TABLE --model MODEL --bank dnn,rn", ["--bank", '"rn"', "dnn, rnn"]),
    ("compare renforce TABLE", ['"renforce"', "no rule", "reinforce_base", "did you mean reinforce?"]),
    ("compare rnn TABLE", ["rule rnn has a net", "--cv was expected"]),
    ("compare none TABLE", ["rule none alone", "another rule"]),
    ("compare", ["argument is missing", "compare [RULE ...] DATA"]),
    ("compare reinforce", ["reinforce", "cannot be opened"]),
    ("compare TABLE --cv 1", ["--cv", '"1"', "from 2"]),
    ("compare TABLE --policy bias,bias", ["--policy", '"bias,bias"', "each once"]),
    ("eval TABLE --adapt stak", ["--adapt", '"stak"', "did you mean stack?"]),
    ("eval TABLE --adapt off,rules", ["--adapt", '"off,rules"', "off alone"]),
    ("check --protocol PROTOCOL --defect zero-left", ["--defect", '"zero-left"', "did you mean zero_left?"]),
    ("audit PROTOCOL TABLE --defect keep_half", ["--defect", '"keep_half"', "did you mean keeps_half?"]),
    ("advise TABLE --protocol PROTOCOL --allowed contrasts", ["--allowed", '"contrasts"', "did you mean contrast?"]),
    ("rule MODEL --rule rnns", ["--rule", '"rnns"', "did you mean rnn?"]),
    # Options without effect
    ("simulate --rate 0.1", ["--rate", "no effect with rule none", "--rule reinforce"]),
    ("simulate --rule reinforce --baseline 0.2", ["--baseline", "no effect with rule reinforce", "reinforce_base"]),
    ("simulate --rule reinforce --decay 0.5", ["--decay", "no effect", "eligibility"]),
    ("simulate --rule basis", ["--rule", "basis does not learn without terms", "--terms was expected too"]),
    ("simulate --rule basis --terms rewardde=1", ["--terms", '"rewardde"', "did you mean rewarded?"]),
    ("simulate --rule basis --terms rewarded", ["--terms", "rewarded=C", "was expected"]),
    ("simulate --rule basis --terms rewarded=a", ["--terms", "rewarded", '"a"', "number from -100 to 100"]),
    ("simulate --rule basis --terms forgetting=2", ["--terms", "forgetting", '"2"', "number from -1 to 1"]),
    ("simulate --rule basis --terms trace=1:2", ["--terms", "trace", "2 values", "3 weights"]),
    ("simulate --rule basis --terms trace=1,trace=2", ["--terms", "trace", "twice"]),
    ("simulate --rule basis --terms ''", ["--terms", "empty"]),
    ("simulate --rule basis --terms rewarded=1 --rate 0.1", ["--rate", "no effect with rule basis", "--terms"]),
    ("simulate --rule basis --terms rewarded=1 --decay 0.1", ["--decay", "no effect without a trace"]),
    ("simulate --rule basis --terms trace=1 --memory 0.1", ["--memory", "no effect", "rewarded_memory=C"]),
    ("simulate --rule basis --terms rewarded_memory=1 --memory 2", ["--memory", '"2"', "from 0 to 1"]),
    ("simulate --rule basis --terms rewarded=1 --rate-spread 0.1", ["--rate-spread", "rule basis has no"]),
    ("simulate --terms rewarded=1", ["--terms", "no effect with rule none", "--rule basis"]),
    ("simulate --rule eligibility --memory 0.5", ["--memory", "no effect with rule eligibility", "--rule basis"]),
    ("simulate --model MODEL --terms rewarded=1", ["--model", "terms", "beside it"]),
    ("model MODEL --terms rewarded=1", ["terms", "are for --new"]),
    ("audit PROTOCOL TABLE --terms rewarded=1", ["--terms", "no effect without --against-simulation"]),
    ("fit TABLE -o m --rule basis --filter none", ["--filter", "fitted in the filter", "ekf or moments was expected"]),
    ("fit TABLE -o m --rule rnn --start 0", ["--start", "nets fit their prior", "rule without a net"]),
    ("fit TABLE -o m --rule bank --start-sd 1", ["--start-sd", "nets fit their prior"]),
    ("fit TABLE -o m --rule basis --policy stimulus,bias --start 0,1,2", ["--start", "3 values", "2 weights"]),
    ("fit TABLE -o m --rule reinforce --epochs 3", ["rule reinforce has no net", "epochs"]),
    ("simulate --model MODEL --rule none", ["--model", "no rule", "beside it"]),
    ("simulate --criterion 0.7", ["--criterion", "no effect without --protocol or --compare"]),
    ("simulate --json", ["--json", "no effect without --protocol or --compare"]),
    ("simulate --protocol PROTOCOL --stimuli 1", ["--stimuli", "no effect together with --protocol"]),
    ("simulate --compare PROTOCOL", ["--compare", "one protocol", "two were expected"]),
    ("audit PROTOCOL TABLE --rate 0.1", ["--rate", "no effect without --against-simulation"]),
    ("audit PROTOCOL TABLE --mice 3", ["--mice", "no effect without --against-simulation"]),
    ("audit PROTOCOL --against-simulation --subject m1", ["--subject", "no effect together with --against-simulation"]),
    ("audit PROTOCOL --against-simulation --rule none --rate 0.1", ["--rate", "no effect with rule none"]),
    ("model MODEL --rate 0.1", ["rate", "are for --new"]),
    ("model --new --rate 0.1 -o m", ["--rate", "no effect with rule none"]),
    ("model --new --json -o m", ["--json", "no effect together with --new"]),
    ("model MODEL -o m", ["-o", "no effect without --new or --join"]),
    ("model --join MODEL -o m", ["--join", "1 models", "two or more"]),
    ("model MODEL --share 0.1", ["--share", "no effect without --join"]),
    ("fit TABLE -o m --rule reinforce --hidden 8", ["rule reinforce has no net", "hidden"]),
    ("fit TABLE -o m --rule reinforce --seeds 3", ["--seeds", "the same from every seed"]),
    ("fit TABLE -o m --filter none --filter-rate 2", ["--filter-rate", "no effect without a filter"]),
    ("fit TABLE -o m --patience 3", ["--patience", "no effect without --hold-out"]),
    ("fit TABLE -o m --csv t", ["--csv", "no effect without --cv"]),
    ("fit TABLE -o m --preset paper --filter ekf", ["--preset", "no effect together with --filter"]),
    ("eval TABLE --bank rnn", ["--bank", "no effect without --model"]),
    ("forecast TABLE --stage a", ["--stage", "no effect without --protocol"]),
    ("mouse --bind tcp://127.0.0.1:* --baud 9600", ["--baud", "no effect without --serial"]),
    ("mouse --connect tcp://127.0.0.1:1 --insecure", ["--insecure", "no effect without --bind"]),
    ("mouse --connect tcp://127.0.0.1:1 --steady --tire 9", ["--steady", "no effect together with --tire"]),
    ("play TABLE --rate 5 --asap", ["--rate", "no effect together with --asap"]),
    ("play TABLE --key CONFIG", ["--key", "no effect without --server-key"]),
    ("watch --server-key CONFIG", ["--server-key", "no effect without --key"]),
    ("check --defect zero_left", ["--defect", "no effect without --protocol"]),
    ("check --markdown -c CONFIG", ["-c", "no effect together with --markdown"]),
    # Endpoints
    ("play TABLE --to 5770", ["--to", "5770", "begins with tcp:// or ipc://", "as in tcp://127.0.0.1:5770"]),
    ("play TABLE --to localhost:5770", ["--to", "localhost:5770", "as in tcp://localhost:5770"]),
    ("watch --connect 127.0.0.1:5771", ["--connect", "127.0.0.1:5771", "as in tcp://127.0.0.1:5771"]),
    ("watch --connect http://127.0.0.1:5771", ["--connect", "http://", "begins with tcp:// or ipc://"]),
    ("watch --connect tcp://127.0.0.1", ["--connect", "tcp://127.0.0.1", "a port from 1 to 65535"]),
    ("watch --connect tcp://127.0.0.1:99999", ["--connect", ":99999", "a port from 1 to 65535"]),
    ("mouse --connect localhost", ["--connect", "localhost", "as in tcp://localhost"]),
    # Wrong files
    ("eval MODEL", ["mice.safetensors", "is a model file"]),
    ("status PROTOCOL", ["fixed_set.yaml", "is a protocol"]),
    ("eval TABLE --model TABLE", ["virtual_mouse.csv", "is a trial table", "a model file was expected"]),
    ("eval TABLE --model CONFIG", ["demo.yaml", "is a configuration", "a model file was expected"]),
    ("eval TABLE --model nowhere.safetensors", ["--model", "nowhere.safetensors", "No such file"]),
    ("audit TABLE PROTOCOL", ["virtual_mouse.csv", "is a trial table", "a protocol was expected"]),
    ("simulate --protocol CONFIG", ["demo.yaml", "is a configuration", "a protocol was expected"]),
    ("simulate --protocol MODEL", ["mice.safetensors", "is a model file", "a protocol was expected"]),
    ("check -c PROTOCOL", ["fixed_set.yaml", "is a protocol", "a configuration was expected"]),
    ("check -c TABLE", ["virtual_mouse.csv", "is a trial table", "a configuration was expected"]),
    ("run -c MODEL", ["mice.safetensors", "is a model file", "a configuration was expected"]),
    ("run -c nowhere.yaml", ["-c", "nowhere.yaml", "No such file"]),
    ("review TABLE", ["virtual_mouse.csv", "is a trial table"]),
    ("replay MODEL", ["mice.safetensors", "is a model file"]),
    ("check TABLE", ["virtual_mouse.csv", "is a trial table"]),
    ("rule TABLE", ["virtual_mouse.csv", "is a trial table", "a model file was expected"]),
    ("model PROTOCOL", ["fixed_set.yaml", "is a protocol", "a model file was expected"]),
    # Outputs
    ("status TABLE --plot nowhere/f.svg", ["--plot", "nowhere/f.svg", "directory nowhere/", "No such file"]),
    ("status TABLE --plot .", ["--plot", "is a directory", "the name of a file was expected"]),
    ("status TABLE --plot -", ["--plot", "the name of a file was expected"]),
    ("fit TABLE", ["-o", "the model file to write was expected"]),
    ("model --new", ["-o", "the file to write was expected"]),
]

# Configurations and protocols: text, what the line says.
WRONG_CONFIGS = [
    ("socket:\n  ask: x\n", ["t.yaml:1", "socket", "known are", "did you mean sockets?"]),
    ("sockets:\n  aks: x\n", ["t.yaml:2", "sockets.aks", "known are", "did you mean ask?"]),
    ("data:\n  ask: x\n", ["t.yaml:2", "data.ask", "belongs below sockets:"]),
    ("ask: x\n", ["t.yaml:1", "ask", "belongs below sockets:"]),
    ("data:\n\tdirectory: x\n", ["t.yaml:2", "a tab", "spaces only"]),
    ("log:\n  level: loud\n", ["t.yaml", "log.level", '"loud"']),
    ("journal:\n  ring_kib: many\n", ["t.yaml:2", "journal.ring_kib", "whole number", '"many"']),
]
WRONG_PROTOCOLS = [
    ("nam: x\n", ["t.yaml:1", "nam", "known here are", "did you mean name?"]),
    ("name: x\nstages:\n  - name: a\n    contrast: {1: 1}\n", ["t.yaml:4", "contrast", "did you mean contrasts?"]),
    ("name: x\n\tstages:\n", ["t.yaml:2", "a tab", "spaces only"]),
]


def split(line):
    return [WORDS.get(w, "" if w == "''" else w) for w in line.split()]


class Usage(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def check(self, words, expected, code=2):
        before = sorted(os.listdir(self.directory))
        done = subprocess.run([MURID, *words], capture_output=True, text=True, timeout=20, cwd=self.directory,
                              stdin=subprocess.DEVNULL)
        with self.subTest(" ".join(words)):
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual(done.stdout, "")
            self.assertRegex(done.stderr, r"\Amurid: [^\n]+(\n       murid [^\n]+)*\n\Z")
            at = 0
            for part in expected:
                self.assertIn(part, done.stderr[at:], done.stderr)
                at = done.stderr.index(part, at) + len(part)
            self.assertEqual(sorted(os.listdir(self.directory)), before)

    def test_each_wrong_command_line_is_told_of_with_what_was_expected(self):
        self.assertGreaterEqual(len(WRONG), 100)
        for line, expected in WRONG:
            self.check(split(line), expected)

    def test_wrong_keys_of_files_are_told_of_with_their_line(self):
        path = os.path.join(self.directory, "t.yaml")
        for texts, words in ((WRONG_CONFIGS, ["check", "-c", path]), (WRONG_PROTOCOLS, ["check", "--protocol", path])):
            for text, expected in texts:
                with open(path, "w") as f:
                    f.write(text)
                self.check(words, expected)

    def test_every_command_answers_a_wrong_word_a_wrong_option_and_a_wrong_value(self):
        listed = subprocess.run([MURID, "--help"], capture_output=True, text=True, check=True).stdout
        commands = re.findall(r"(?m)^  (\w+)  +\S", listed)
        self.assertGreater(len(commands), 15)
        for command in commands:
            text = subprocess.run([MURID, command, "--help"], capture_output=True, text=True, check=True).stdout
            self.check([command, "--nonsense-x"], ["no option --nonsense-x", f"murid {command} --help"])
            for option, value in re.findall(r"(?m)^  (--?[\w-]+) (\S+) ", text):
                if value.isupper() or "|" in value or "." in value:
                    self.check([command, option], [option + ": a value was expected"])

    def test_what_cannot_be_seen_is_shown_as_an_escape(self):
        self.check(["evl\n\x1b[2J"], ['"evl\\n\\x1b[2J"'])
        self.check(["eval", "no\nwhere.csv"], ["no\\nwhere.csv"])
        self.check(["check", "-c", "no\twhere"], ["no\\twhere"])


if __name__ == "__main__":
    unittest.main()
