# SPDX-License-Identifier: BSD-3-Clause
"""The whole tree without a warning; that covers static functions that nobody calls."""

from tree import assert_none, compile_commands, compiler_says, in_parallel

COMMANDS = compile_commands()
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wmissing-prototypes", "-Wstrict-prototypes",
            "-Wpointer-arith", "-Wvla", "-Wformat=2", "-Wconversion"]


def test_every_file_is_compiled_with_the_warnings():
    assert_none([(path, w) for path, command in COMMANDS.items() for w in WARNINGS
                 if w not in command])


def test_no_warning_in_the_tree():
    said = in_parallel(lambda item: compiler_says(item[1], item[1][-1]), COMMANDS.items())
    assert_none([s for s in said if s])


def test_unused_function_is_a_warning():
    command = next(c for p, c in COMMANDS.items() if p.startswith("base/"))
    said = compiler_says(command, text="static int f(void)\n{\n\treturn 0;\n}\n")
    assert "unused-function" in said
