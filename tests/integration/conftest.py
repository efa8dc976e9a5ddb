# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the integration tests: switches and namespaces that end with the test."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from daemon import Switch  # noqa: E402
from netns import Netns, Tap  # noqa: E402
from openflow import Bridge  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "bad_input: what strangers can send; run again under ASan")


def pytest_collection_modifyitems(items):
    """Files that boot whole machines take longest: first, so that they are not waited for alone."""
    boots = {item.path for item in items if {"machine", "world"} & set(item.fixturenames)}
    items.sort(key=lambda item: item.path not in boots)


def switches():
    """Start switches: make_switch(config=..., ...) as daemon.Switch takes it. All end well: one
    that crashed or that a sanitizer complained about fails its test."""
    made = []

    def make(*arguments, **options):
        switch = Switch(*arguments, **options)
        made.append(switch)
        return switch.start()

    yield make
    for switch in made:
        alive = switch.process and switch.is_alive()
        status = switch.terminate() if alive else 0
        log = switch.log()
        switch.cleanup()
        assert status == 0, f"shuntd ended with {status}:\n{log[-3000:]}"
        assert "ERROR: AddressSanitizer" not in log and "runtime error:" not in log, log[-3000:]


make_switch = pytest.fixture(switches, name="make_switch")
# For files whose tests each leave the switch as they found it, and prove it.
make_lasting_switch = pytest.fixture(switches, scope="module", name="make_lasting_switch")


@pytest.fixture
def switch(make_switch):
    """A switch with 64 MiB of plain memory and nothing on it."""
    return make_switch()


@pytest.fixture
def make_netns():
    made = []

    def make(stem="t"):
        made.append(Netns(stem))
        return made[-1]

    yield make
    for ns in made:
        ns.delete()


@pytest.fixture
def tap():
    """tap(ns, interface): frames of that interface, closed with the test."""
    made = []

    def make(ns, interface):
        made.append(Tap(ns, interface))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def started(tmp_path):
    """Start controllers that end with the test: started(controllers.ovs_controller, method, ...)."""
    made = []

    def start(maker, *arguments):
        made.append(maker(tmp_path, *arguments))
        return made[-1]

    yield start
    for controller in made:
        controller.stop()


@pytest.fixture
def make_bridge(make_switch):
    """A bridge with guests and these controllers: make_bridge("tcp:127.0.0.1:6653", ...)."""
    made = []

    def make(*targets, fields="fail_mode: secure", **options):
        controllers = "controllers: [" + ", ".join(f'"{t}"' for t in targets) + "]"
        made.append(Bridge(make_switch, fields=f"{fields}, {controllers}", **options))
        return made[-1]

    yield make
    for bridge in made:
        bridge.close()
