# SPDX-License-Identifier: BSD-3-Clause
"""The format is clang-format's, so that nobody discusses it."""

import shutil
import subprocess

import pytest

from tree import TOP, files

# Versions differ in a few places; this is Debian 12's.
VERSION = 14


def clang_format():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if path and f"version {VERSION}." in subprocess.run([path, "--version"], text=True,
                                                            capture_output=True).stdout:
            return path
    pytest.skip(f"no clang-format {VERSION}")


def test_clang_format_changes_nothing():
    done = subprocess.run([clang_format(), "-n", "--Werror", "--ferror-limit=1",
                           *files(".c", ".h")], cwd=TOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
