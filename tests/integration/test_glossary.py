"""docs/glossary.md has the words of the code; those that were retired stand nowhere."""
import os
import re
import subprocess
import unittest

from daemon import MURID

SOURCE = os.environ["MURID_SOURCE_DIR"]
RETIRED = ("colony", "gist", "mood", "encounter", "rerun", "herd", "jobdir", "trainees", "auditor", "learner_init",
           "erf_curve", "status_tracker")
# Where a word means what it says: the learning animals of a benchmark, and the names of old files in the changes.
LEFT = ("CHANGELOG.md",)


def pages():
    for folder in ("daemon", "model", "proto", "firmware-bridge", "docs"):
        for at, _, names in os.walk(os.path.join(SOURCE, folder)):
            for name in names:
                if name.endswith((".h", ".c", ".md", ".def")):
                    yield os.path.join(at, name)
    for name in ("README.md", "CONTRIBUTING.md"):
        yield os.path.join(SOURCE, name)


class Glossary(unittest.TestCase):
    def test_retired_words_stand_in_no_source_page_or_help(self):
        word = re.compile(r"\b(" + "|".join(RETIRED) + r")(s|_\w+)?\b", re.I)
        n = 0
        for path in pages():
            if os.path.basename(path) in LEFT:
                continue
            n += 1
            with open(path, encoding="utf-8") as f:
                for i, line in enumerate(f, 1):
                    self.assertIsNone(word.search(line), f"{os.path.relpath(path, SOURCE)}:{i}: {line.strip()}")
        self.assertGreater(n, 300)
        for command in re.findall(r"(?m)^  (\w+)  +\S", subprocess.run([MURID, "--help"], capture_output=True, text=True,
                                                                     check=True).stdout):
            text = subprocess.run([MURID, command, "--help"], capture_output=True, text=True, check=True).stdout
            self.assertIsNone(word.search(text), command)

    def test_headers_named_in_the_glossary_are_there(self):
        with open(os.path.join(SOURCE, "docs", "glossary.md"), encoding="utf-8") as f:
            text = f.read()
        headers = re.findall(r"`(model/\w+\.h)`", text)
        self.assertGreater(len(headers), 8)
        for header in headers:
            self.assertTrue(os.path.exists(os.path.join(SOURCE, "model", "include", header)), header)
        nouns = re.findall(r"`(twin/\w+)`", text)
        self.assertGreater(len(nouns), 3)
        for noun in nouns:
            self.assertTrue(os.path.exists(os.path.join(SOURCE, "daemon", "src", noun + ".h")), noun)


if __name__ == "__main__":
    unittest.main()
