# SPDX-License-Identifier: BSD-3-Clause
"""What every file begins with, and what none of them says."""

import re

from tree import assert_none, files, lines, read, shell_scripts, text_files

MAX_LINES = 900
MAX_FUNCTION_LINES = 60
SPDX = "SPDX-License-Identifier: BSD-3-Clause"
# The benches measure over these intervals; nothing announces their end.
INTERVALS = ("SETTLE_S", "MEASURE_S")
SYSTEM_FOLDERS = ("bin", "boot", "dev", "etc", "lib", "nonexistent", "proc", "run", "sbin", "sys",
                  "tmp", "usr", "var",
                  "org")  # objects of D-Bus
THIS_FOLDER = "tests/lint/"


def sources():
    built = [p for p in files() if p.endswith(("meson.build", "meson_options.txt")) or p == "run"]
    return [p for p in sorted({*files(".c", ".h", ".py"), *shell_scripts(), *built}) if read(p)]


def matching(pattern, paths):
    """["FILE:LINE: text"] of the lines that match."""
    return [f"{path}:{i}: {line.strip()}" for path in paths
            for i, line in enumerate(lines(path), 1) if re.search(pattern, line)]


def test_every_source_names_its_licence_on_top():
    assert_none([p for p in sources() if not any(SPDX in line for line in lines(p)[:2])])


def test_every_c_file_opens_with_what_it_is():
    """Licence, empty line, and at least one whole sentence."""
    opening = re.compile(r"/\* " + SPDX + r"(?: OR GPL-2\.0-only)?\n \*\n((?: \*(?!/)[^\n]*\n)+) \*/\n")
    wrong = []
    for path in files(".c", ".h"):
        head = opening.match(read(path))
        words = head.group(1).replace(" *", " ").split() if head else []
        if len(words) < 5 or not words[-1].endswith((".", "\"", ":")):
            wrong.append(path)
    assert_none(wrong)


def functions(path):
    """(line of its brace, length of its body, whether a comment stands above) of each; the format
    puts the braces of a function, and nothing else, at the start of a line."""
    begin, found, text = None, [], lines(path)
    for i, line in enumerate(text):
        if line == "{":
            begin = i
        elif line == "}" and begin is not None:
            above = begin
            while above > 0 and text[above].strip():
                above -= 1
            found.append((begin + 1, i - begin - 1,
                          any(t.startswith(("/*", " *")) for t in text[above:begin])))
            begin = None
    return found


def test_long_functions_say_why():
    assert_none([f"{path}:{line}: {length} lines" for path in files(".c", ".h")
            for line, length, why in functions(path) if length > MAX_FUNCTION_LINES and not why])


def test_functions_are_found_at_all():
    assert len([1 for path in files(".c") for f in functions(path)]) > 500


def test_no_file_is_a_book():
    assert_none([p for p in text_files() if len(lines(p)) > MAX_LINES])


def test_the_machine_monitor_is_minimal():
    """Lines of C, without those that are blank or comment alone."""
    code = [re.sub(r"/\*.*?\*/", "", "\n".join(lines(path)), flags=re.S)
            for path in files(".c", ".h") if path.startswith("vmm/")]
    assert 5000 < sum(1 for text in code for line in text.split("\n") if line.strip()) <= 12000


def test_nothing_is_left_to_do():
    paths = [p for p in text_files() if not p.startswith((THIS_FOLDER, "doc/"))]
    assert matching(r"\b(TODO|FIXME|XXX)\b", paths) == []


def test_tests_wait_for_events():
    paths = [p for p in text_files() if p.startswith("tests/") and not p.startswith(THIS_FOLDER)]
    found = matching(r"\b(u|nano)?sleep(\(|\s+[0-9$])", paths)
    assert_none([f for f in found if not any(f"sleep({name})" in f for name in INTERVALS)])


def test_no_path_of_somebodys_machine():
    """An absolute path in the tree is one that every Linux has."""
    paths = [p for p in text_files() if not p.startswith(THIS_FOLDER)]
    wrong = []
    for path in paths:
        for i, line in enumerate(lines(path), 1):
            for folder in re.findall(r"(?:^|[\s'=(:`,]|(?<!\w)\")/([a-z][\w.-]*)/[\w.-]", line):
                if folder not in SYSTEM_FOLDERS and len(folder) < 64:
                    wrong.append(f"{path}:{i}: {line.strip()}")
    assert_none(wrong)
