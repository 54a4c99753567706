"""The lists of packages in manifests/python, which all go into one environment."""

import collections
import pathlib
import re
import unittest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "manifests" / "python"
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.]+)(; [^\\]+?)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)")


def key(name):
    return re.sub("[-_.]+", "-", name).lower()


def pins(path):
    text = re.sub("(?m)^#.*\n", "", path.read_text())
    # A line that ends in \ goes on in the next.
    return [(line, PIN.fullmatch(line)) for line in re.split(r"(?<!\\)\n", text.rstrip("\n"))]


class Locks(unittest.TestCase):
    def setUp(self):
        # unneeded.txt names what goes after an installation.
        self.files = [path for path in sorted(FOLDER.glob("*.txt")) if path.name != "unneeded.txt"]
        self.assertTrue(self.files)

    def test_each_line_is_one_exact_version_in_order(self):
        for path in self.files:
            found = pins(path)
            for line, match in found:
                self.assertTrue(match, f"{path.name}: {line!r} is not name==version with digests")
            names = [key(match[1]) for _, match in found]
            self.assertEqual(names, sorted(set(names)), path.name)

    def test_a_package_has_one_version_everywhere(self):
        versions = collections.defaultdict(dict)
        for path in self.files:
            for _, match in pins(path):
                versions[key(match[1])].setdefault((match[2], match[3]), []).append(path.name)
        for name, found in versions.items():
            self.assertEqual(len(found), 1, f"{name}: {dict(found)}")

    def test_each_list_says_how_to_install_it(self):
        for path in self.files:
            self.assertIn(f"pip install --no-deps -r {path.name}", path.read_text())


if __name__ == "__main__":
    unittest.main()
