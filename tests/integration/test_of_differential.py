# SPDX-License-Identifier: BSD-3-Clause
"""Shunt and Open vSwitch, asked the same and given the same frames, say and do the same; where they
differ it is in the table of tests/lib/of_differences.py, and in no other way."""

import os

import pytest

from daemon import TOP
from differential import Pair
from of_bundles import bundles
from of_conjunctions import conjunctions
from of_differences import ACCEPTED, accepted, page
from of_learns import fin_timeouts, learns
from of_scripts import SUBJECTS as SCRIPTS

SUBJECTS = (*SCRIPTS, conjunctions, learns, fin_timeouts, bundles)
PAGE = os.path.join(TOP, "doc", "openflow-differences.md")
used, asked = set(), set()


@pytest.fixture(scope="module")
def pair(make_lasting_switch):
    pair = Pair(make_lasting_switch)
    yield pair
    pair.close()


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.__name__)
def test_both_do_the_same(pair, subject):
    wrong = []
    for script in subject():
        for difference in pair.run(script.steps):
            rows = accepted(script.name, difference)
            used.update(rows)
            if not rows:
                wrong.append(f"{script.name}\n{difference}")
    asked.add(subject)
    assert not wrong, "\n".join(wrong)


def test_every_accepted_difference_is_still_there():
    if asked != set(SUBJECTS):
        pytest.skip("not all scripts were run")
    assert [a.what for i, a in enumerate(ACCEPTED) if i not in used] == []


def test_the_page_of_differences_is_the_table():
    with open(PAGE, encoding="utf-8") as f:
        assert f.read() == page()


def test_sides_that_differ_are_told_apart(pair):
    """The comparison itself: another answer of one side is seen."""
    ask = pair.ovs.ask
    pair.ovs.ask = lambda data: [line + "!" for line in ask(data)]
    try:
        assert pair.run([])
    finally:
        pair.ovs.ask = ask
