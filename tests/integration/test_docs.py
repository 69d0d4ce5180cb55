"""What docs/ names is there: functions and files of the code, and other pages."""
import glob
import os
import re
import unittest

SOURCE = os.environ["MURID_SOURCE_DIR"]
PAGES = ("architecture.md", "config.md", "journal.md")


def page(name):
    with open(os.path.join(SOURCE, "docs", name), encoding="utf-8") as f:
        return f.read()


def code():
    texts = []
    for part in ("daemon", "model", "proto", "firmware-bridge"):
        for path in glob.glob(os.path.join(SOURCE, part, "**", "*.[ch]"), recursive=True):
            with open(path, encoding="utf-8") as f:
                texts.append(f.read())
    return "\n".join(texts)


class Docs(unittest.TestCase):
    def test_functions_named_are_in_the_code(self):
        words = set(re.findall(r"\b([a-z]\w*)\(", code()))
        named = set(re.findall(r"`(\w+)\(\)`", page("architecture.md")))
        self.assertGreater(len(named), 30)
        self.assertEqual(named - words, set())

    def test_constants_named_are_in_the_code(self):
        words = set(re.findall(r"\b[A-Z][A-Z_]+\b", code()))
        named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", page("architecture.md")))
        self.assertTrue(named)
        self.assertEqual(named - words, set())

    def test_files_named_are_in_the_tree(self):
        names = {os.path.basename(p) for p in glob.glob(os.path.join(SOURCE, "*", "**", "*.*"),
                                                       recursive=True)}
        for name in PAGES:
            named = set(re.findall(r"`([\w/]+\.(?:c|h|py|def|md))`", page(name)))
            missing = {n for n in named if os.path.basename(n) not in names}
            self.assertEqual(missing, set(), name)

    def test_daemon_sources_in_the_table_exist(self):
        table = page("architecture.md").split("| file | its one job |")[1].split("\n\n")[0]
        for noun in re.findall(r"`([a-z_]+)`", table):
            path = os.path.join(SOURCE, "daemon", "src", noun)
            self.assertTrue(any(os.path.exists(path + end) for end in (".c", ".h")) or
                            noun.startswith("cmd_"), noun)

    def test_links_lead_somewhere(self):
        for name in PAGES:
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page(name)):
                path = os.path.join(SOURCE, "docs", target)
                self.assertTrue(os.path.exists(path), f"{name}: {target}")


if __name__ == "__main__":
    unittest.main()
