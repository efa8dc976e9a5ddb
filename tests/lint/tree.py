# SPDX-License-Identifier: BSD-3-Clause
"""The tree's own files and how each is compiled, for the tests in this folder."""

import concurrent.futures
import json
import os
import shlex
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SHUNT_BUILD", os.path.join(TOP, "build"))
NOT_OURS = (".git", "__pycache__", ".pytest_cache")


def files(*endings):
    """Paths below the top folder, without what a build made; all, or those with such an end."""
    found = []
    for folder, subfolders, names in os.walk(TOP):
        subfolders[:] = [d for d in subfolders if d not in NOT_OURS and not d.startswith("build")]
        found += [os.path.relpath(os.path.join(folder, name), TOP) for name in names
                  if name != ".git" and not name.endswith((".log", ".pyc"))]
    return sorted(p for p in found if p.endswith(endings or ("",)))


def text_files():
    """Paths of what people read and write: no seeds of a fuzzer."""
    return [p for p in files() if not p.startswith(("tests/fuzz/seeds/", "tests/fuzz/regress/"))]


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def lines(path):
    return read(path).splitlines()


def first_words(path):
    """What a script is: its first line if it names an interpreter, else nothing."""
    with open(os.path.join(TOP, path), "rb") as f:
        line = f.readline(200)
    return line.decode() if line.startswith(b"#!") else ""


def shell_scripts():
    return [p for p in text_files()
            if p.endswith((".sh", ".bash")) or first_words(p).rstrip().endswith("sh")]


def compile_commands():
    """{path: argv that compiles it}, to be run in BUILD; the first target that compiles it."""
    with open(os.path.join(BUILD, "compile_commands.json")) as f:
        entries = json.load(f)
    commands = {}
    for entry in entries:
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), TOP)
        commands.setdefault(path, shlex.split(entry["command"]))
    return commands


def flags(command):
    """A command without its input, its output and its dependency file."""
    kept, words = [], iter(command)
    for word in words:
        if word in ("-o", "-MQ", "-MF", "-c"):
            next(words)
        elif word != "-MD":
            kept.append(word)
    return kept


def compiler_says(command, path="-", text=None):
    """Compile a file, or a text, with a command's flags; "" when the compiler is content. Not
    -fsyntax-only: that does not look for unused functions."""
    done = subprocess.run([*flags(command), "-O1", "-Werror", "-fdiagnostics-color=never",
                           "-S", "-o", os.devnull, "-x", "c", path], cwd=BUILD, input=text,
                          capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def assert_none(found):
    """All of them in the message: pytest would cut the list."""
    assert not found, "\n".join(["", *map(str, found)])


def in_parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, items))
