# SPDX-License-Identifier: BSD-3-Clause
"""The documentation as tests read it: pages, blocks of code, commands, tables, links."""

import glob
import os
import re
import shlex

from daemon import TOP


def pages():
    """Markdown files, relative to the top folder."""
    patterns = ("README.md", "*/README.md", "doc/*.md", "doc/*/*.md")
    return sorted({os.path.relpath(p, TOP) for pattern in patterns
                   for p in glob.glob(os.path.join(TOP, pattern))})


def man_pages():
    return sorted(os.path.relpath(p, TOP) for p in glob.glob(os.path.join(TOP, "doc", "*.scd")))


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def blocks(path):
    """[(what stands behind the three backquotes, text)]"""
    return re.findall(r"^```([^\n]*)\n(.*?)^```$", read(path), re.M | re.S)


def words_of(command):
    """The words of one command: up to a pipe, a redirection, the next command or a comment."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|><;&")
    lexer.whitespace_split = True
    words = []
    for word in lexer:
        if re.fullmatch(r"[|><;&]+", word):
            break
        words.append(word)
    return words


def commands(path, program):
    """The command lines of a program in a page: in blocks of shell, and in running text."""
    found = []
    for info, text in blocks(path):
        if info.startswith("sh") or path.endswith(".scd"):
            found += text.replace("\\\n", " ").splitlines()
    if path.endswith(".md"):
        prose = re.sub(r"^```.*?^```$", "", read(path), flags=re.M | re.S)
        found += re.findall(r"`([^`\n]+)`", prose)
    return [words_of(c) for c in found if c.startswith(program + " ")]


def table(path, *header):
    """The rows of the table with that header, without backquotes: [[cell]]"""
    lines = read(path).splitlines()
    start = lines.index("| " + " | ".join(header) + " |")
    rows = []
    for line in lines[start + 2:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split(" | ")])
    return rows


def links(path):
    """What a page links to inside the tree."""
    targets = re.findall(r"\]\(([^)\s]+)\)", read(path))
    return [t.split("#")[0] for t in targets if "://" not in t and not t.startswith("#")]
