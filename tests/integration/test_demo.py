# SPDX-License-Identifier: BSD-3-Clause
"""The demo is a test too: three real guests, two VLANs, a tagged uplink."""

import glob
import os
import re
import signal
import subprocess
import sys
import tempfile

import pytest

from daemon import TOP, wait_for

DEMO = [sys.executable, os.path.join(TOP, "tests", "demo.py")]


@pytest.fixture
def folder():
    """Its path is short: that of a socket has to fit 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="demo-") as made:
        yield made


def start(folder, *words, **options):
    """The demo, with its temporary files in this folder."""
    return subprocess.Popen([*DEMO, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, env=dict(os.environ, TMPDIR=folder), **options)


def living(group):
    """Processes of a group that are more than an entry that nobody has waited for yet."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as f:
                state, _, of = f.read().rsplit(")", 1)[1].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of) == group and state != "Z":
            found.append(path)
    return found


def assert_nothing_is_left(demo, folder):
    """Names of interfaces and namespaces have the number of the process that made them."""
    assert os.listdir(folder) == []
    for words in (["netns", "list"], ["-br", "link"]):
        names = subprocess.run(["ip", *words], capture_output=True, text=True).stdout
        assert not re.findall(f"^(?:up|net|h100|h200|wa|wb){demo.pid % 100000}.*", names, re.M)
    wait_for(lambda: not living(demo.pid), 10, "an end of all its processes")


@pytest.mark.parametrize("words, n_claims", [([], 9), (["--xdp"], 11)])
def test_the_demo_shows_what_it_promises_within_90_seconds(folder, words, n_claims):
    demo = start(folder, "--exit", *words, stdin=subprocess.DEVNULL, start_new_session=True)
    text, _ = demo.communicate(timeout=90)
    assert demo.returncode == 0, text[-3000:]
    assert "FAIL" not in text
    assert text.count("  ok  ") == n_claims
    assert "echo request" in text and "VLAN 200" in text
    assert_nothing_is_left(demo, folder)


@pytest.mark.parametrize("number, when", [(signal.SIGINT, "Starting shuntd"),
                                          (signal.SIGINT, "vm-a is up"),
                                          (signal.SIGTERM, "Who reaches whom")])
def test_a_demo_that_is_interrupted_cleans_up(folder, number, when):
    demo = start(folder, stdin=subprocess.PIPE, start_new_session=True)
    text = ""
    while when not in text:
        chunk = demo.stdout.read(1)
        assert chunk, text
        text += chunk
    os.killpg(demo.pid, number)  # as a terminal does, all of them
    rest, _ = demo.communicate(timeout=30)
    assert demo.returncode == 130, text + rest
    assert "Traceback" not in rest
    assert_nothing_is_left(demo, folder)


def test_demo_says_why_its_guests_are_in_qemu_and_goes_on(folder):
    """In shunt-vmm they are in test_vm_host.py."""
    with open("/proc/cpuinfo") as f:
        if {"vmx", "svm"} & set(f.read().split()):
            pytest.skip("KVM of this machine runs ordinary guests")
    demo = start(folder, "--vmm", stdin=subprocess.PIPE, start_new_session=True)
    text = ""
    while "Linux in QEMU" not in text:
        line = demo.stdout.readline()
        assert line, text
        text += line
    os.killpg(demo.pid, signal.SIGTERM)
    demo.communicate(timeout=30)
    assert text.count("Guests run in QEMU instead of shunt-vmm: shunt-vmm: KVM of this machine") == 1
    assert_nothing_is_left(demo, folder)


def test_enter_ends_the_demo(folder):
    demo = start(folder, stdin=subprocess.PIPE, start_new_session=True)
    text, _ = demo.communicate("\n", timeout=90)
    assert demo.returncode == 0, text[-3000:]
    assert "SHUNT_RUN_DIR" in text
    assert_nothing_is_left(demo, folder)
