# SPDX-License-Identifier: BSD-3-Clause
"""Who may include whom. The build keeps it by its include paths; this holds the paths to the list,
and shows that they do what they are for."""

import re

import pytest

from tree import assert_none, compile_commands, compiler_says, files, flags, in_parallel

# Folder: whose public headers it sees beside its own (doc/architecture.md).
MAY_SEE = {
    "base": set(),
    "api": {"base"},
    "conf": {"base", "api"},
    "ofproto": {"base"},
    "link": {"base"},
    "dataplane": {"base"},
    "sriov": {"base"},
    "control": {"base", "api", "conf", "link", "ofproto", "dataplane"},
    "cli": {"base", "api"},
    "vmm": {"base", "api"},
}
# What a program sees beyond the library beside it: shunt-sriov reads the configuration, which the
# SR-IOV library knows nothing of (doc/adr/0009).
PROGRAM_SEES = {name: {"conf", "api"} for name in ("shunt-sriov", "libsh_sriov_program.a")}
# The only folders that DPDK's headers are there for.
SEE_DPDK = {"dataplane"}
PUBLIC = re.compile(r"^(\w+)/include/\1/\w+\.h$")

COMMANDS = compile_commands()


def target_of(command):
    """"libsh_api.a" or "shuntd": what a file is compiled for."""
    return command[command.index("-o") + 1].split("/")[1].removesuffix(".p")


def commands_of(folder):
    return [c for path, c in sorted(COMMANDS.items()) if path.startswith(folder + "/")]


def command_of(folder):
    """How the files of a folder are compiled: its library's, if it is one."""
    return min(commands_of(folder), key=lambda command: not target_of(command).startswith("lib"))


def public_headers():
    return [p for p in files(".h") if PUBLIC.match(p)]


def include_paths(command):
    return [re.sub(r"^(-I|-isystem)", "", word) for word in command
            if word.startswith(("-I", "-isystem"))]


def only_as_others_see_it(folder):
    """The folder's command with nothing on its path but what its users get: its public headers
    and those of what it names."""
    seen = [f"-I../{name}/include" for name in sorted({folder, *MAY_SEE[folder]})]
    rest = [word for word in flags(command_of(folder)) if not word.startswith(("-I", "-isystem"))]
    return [word for word in rest if word != "-include" and word != "rte_config.h"] + seen


def test_every_folder_with_sources_is_on_the_list():
    folders = {p.split("/")[0] for p in COMMANDS if not p.startswith("tests/")}
    assert folders == set(MAY_SEE)


@pytest.mark.parametrize("folder", sorted(MAY_SEE))
def test_include_paths_are_those_of_declared_dependencies(folder):
    for command in commands_of(folder):
        seen = {m.group(1) for p in include_paths(command)
                if (m := re.match(r"^\.\./(\w+)/include$", p))}
        assert seen <= MAY_SEE[folder] | PROGRAM_SEES.get(target_of(command), set()) | {folder}
        whole = {p for p in include_paths(command) if re.match(r"^\.\./\w+$", p)}
        assert whole <= {f"../{folder}"}
        if folder not in SEE_DPDK:
            assert not any("dpdk" in word for word in command)


def test_every_public_header_compiles_alone_with_its_dependencies():
    def complaint(path):
        folder, name = path.split("/")[0], path.split("include/")[1]
        return compiler_says(only_as_others_see_it(folder), text=f'#include "{name}"\n')

    headers = public_headers()
    assert len(headers) >= 10
    assert_none([c for c in in_parallel(complaint, headers) if c])


def test_every_private_header_compiles_alone():
    def complaint(path):
        folder = path.split("/")[0]
        # A program's own is compiled as the file beside it is.
        command = COMMANDS.get(path.removesuffix(".h") + ".c") or command_of(folder)
        return compiler_says(command, text=f'#include "{path.split("/", 1)[1]}"\n')

    headers = [p for p in files(".h") if p.split("/")[0] in MAY_SEE and not PUBLIC.match(p)]
    assert_none([c for c in in_parallel(complaint, headers) if c])


def forbidden():
    for folder in sorted(MAY_SEE):
        for path in public_headers():
            other = path.split("/")[0]
            if other != folder and other not in MAY_SEE[folder]:
                yield folder, path.split("include/")[1]


@pytest.mark.parametrize("folder, header", forbidden())
def test_forbidden_include_does_not_compile(folder, header):
    said = compiler_says(command_of(folder), text=f'#include "{header}"\n')
    assert f"{header}: No such file" in said


@pytest.mark.parametrize("header", ["rte_mbuf.h", "rte_vhost.h"])
@pytest.mark.parametrize("folder", sorted(set(MAY_SEE) - SEE_DPDK))
def test_only_the_dataplane_sees_dpdk(folder, header):
    assert f"{header}: No such file" in compiler_says(
        command_of(folder), text=f'#include "{header}"\n')


def test_what_control_may_include_does_compile():
    assert compiler_says(command_of("control"), text='#include "dataplane/dp.h"\n') == ""
