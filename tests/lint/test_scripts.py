# SPDX-License-Identifier: BSD-3-Clause
"""Shell and Python, as far as a program can judge them."""

import subprocess
import sys

from tree import TOP, files, read, shell_scripts


def test_shellcheck_has_nothing_to_say():
    done = subprocess.run(["shellcheck", "--external-sources", *shell_scripts()], cwd=TOP,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_scripts_are_found():
    assert {"run", ".ci/run", "tests/lib/packages.sh", "tests/lib/guest-kernel"} <= set(shell_scripts())


def test_python_compiles():
    for path in files(".py"):
        compile(read(path), path, "exec")


def test_python_uses_what_it_imports():
    done = subprocess.run([sys.executable, "-m", "pyflakes", *files(".py")], cwd=TOP,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
