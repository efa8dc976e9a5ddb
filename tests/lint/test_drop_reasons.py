# SPDX-License-Identifier: BSD-3-Clause
"""Every reason for which a frame is dropped is counted somewhere, and some test waits for it."""

import re

from tree import assert_none, files, read

# Reason: why there is no test of it.
UNTESTED = {
    "no_copy": "needs a switch whose packet memory is used up",
}


def reasons():
    """[(constant, name)]"""
    return re.findall(r'^\tX\((\w+),\s+"(\w+)"', read("dataplane/include/dataplane/drop.h"), re.M)


def folder_text(folder, *endings):
    return "\n".join(read(p) for p in files(*endings) if p.startswith(folder) and
                     not p.startswith("tests/lint/"))


def test_the_reasons_are_found():
    assert len(reasons()) > 20


def test_every_drop_reason_has_a_test_that_names_it():
    """A field of a port or group may have the name of its reason: there a quoted name is meant."""
    text = folder_text("tests/", ".py", ".c")
    assert_none([name for constant, name in reasons()
                 if name not in UNTESTED and f'"{name}"' not in text and
                 f"DP_DROP_{constant}" not in text])


def test_every_drop_reason_is_counted():
    text = folder_text("dataplane/", ".c")
    assert_none([name for constant, name in reasons()
                 if f"DP_DROP_{constant}" not in text])


def test_no_exception_has_outlived_its_reason():
    text = folder_text("dataplane/", ".c") + folder_text("tests/", ".py", ".c")
    assert_none([name for constant, name in reasons()
                 if name in UNTESTED and f'"{name}"' in text])
