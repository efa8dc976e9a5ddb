# SPDX-License-Identifier: BSD-3-Clause
"""Captures of ports, read by programs that nobody here wrote: tshark and tcpdump."""

import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest

from capture import COMES_S, Capture
from daemon import SHUNT, CommandFailed, wait_for
from openflow import Bridge
from ports import assert_sums_hold, config, learned, plug
from scapy.all import ARP, DNS, DNSRR, IP, TCP, UDP, Dot1Q, Ether, ICMPv6EchoRequest, IPv6, Raw
from vhost_guest import BROADCAST, F_CSUM, F_HOST_TSO4, frame, mac

A, B, C = mac(0xa), mac(0xb), mac(0xc)
ETHER = {"src": "02:00:00:00:00:0a", "dst": "02:00:00:00:00:0b"}


@pytest.fixture
def switch(make_switch):
    return make_switch(config({"a": "vlan: 10", "b": "vlan: 10", "t": "trunk: all"}))


@pytest.fixture
def guests(switch):
    made = {name: plug(switch, name) for name in ("a", "b", "t")}
    yield made
    for guest in made.values():
        guest.close()


@pytest.fixture(scope="module")
def trunk(make_lasting_switch):
    switch = make_lasting_switch(config({"t": "trunk: all"}))
    with plug(switch, "t") as guest:
        yield switch, guest


def _tagged(*layers):
    made = Ether(**ETHER)
    for layer in layers:
        made /= layer
    return bytes(made)


TAGGED = [_tagged(Dot1Q(vlan=10), IP(), TCP(dport=80), Raw(b"z" * 60)),
          _tagged(Dot1Q(vlan=10), IP(), UDP(dport=53), Raw(b"z" * 90)),
          _tagged(Dot1Q(vlan=11), IP(), TCP(dport=80), Raw(b"z" * 60)),
          _tagged(IP(), TCP(dport=80), Raw(b"z" * 60)),
          _tagged(Dot1Q(vlan=10), IPv6(), ICMPv6EchoRequest()),
          _tagged(IPv6(), ICMPv6EchoRequest()),
          _tagged(ARP(), Raw(b"z" * 30))]


def test_both_directions_are_captured_as_they_are_on_the_port(switch, guests, tmp_path):
    guests["b"].send(frame(BROADCAST, B))
    learned(switch, "b", B)
    with_tag = Capture(switch, "t", tmp_path / "t.pcapng")
    at_a = Capture(switch, "a", tmp_path / "a.pcapng")
    sent = bytes(Ether(**ETHER) / IP() / UDP(dport=7) / Raw(b"x" * 60))
    flood = frame(BROADCAST, A, length=1514)
    guests["a"].send_many([sent, flood])
    assert guests["b"].recv_only(sent) and guests["b"].recv_only(flood)
    answer = frame(A, B)
    learned(switch, "a", A)
    guests["b"].send(answer)
    assert guests["a"].recv_only(answer)
    assert guests["t"].recv_only(flood[:12] + b"\x81\0\0\x0a" + flood[12:])
    assert [(f["frame"], f["dir"]) for f in at_a.end()] == [
        (sent, "in"), (flood, "in"), (answer, "out")]
    assert [(f["frame"], f["dir"]) for f in with_tag.end()] == [
        (flood[:12] + b"\x81\0\0\x0a" + flood[12:], "out")]
    assert_sums_hold(switch)


def test_a_frame_that_goes_nowhere_has_its_reason_as_a_comment(switch, guests, tmp_path):
    capture = Capture(switch, "a", tmp_path / "a.pcapng")
    tagged = bytes(Ether(**ETHER) / Dot1Q(vlan=99) / Raw(b"y" * 60))
    guests["a"].send_many([tagged, frame(BROADCAST, A)])
    assert guests["b"].recv_only(frame(BROADCAST, A))
    refused, flooded = capture.end()
    assert refused["comment"].startswith("dropped: vlan_ingress (VLAN not allowed")
    assert flooded["comment"] is None


def test_what_a_full_queue_refuses_is_captured_where_it_would_have_gone(switch, guests, tmp_path):
    guests["b"].send(frame(BROADCAST, B))
    learned(switch, "b", B)
    capture = Capture(switch, "b", tmp_path / "b.pcapng", "--dir", "out", "--snaplen", "64")
    guests["a"].recv_all()
    n = 0
    while "tx_full" not in switch.stats("b")["drops"]:  # b takes nothing out of its ring
        guests["a"].send_many([frame(B, A)] * 32)
        n += 32
        wait_for(lambda: switch.stats("a")["rx_packets"] >= n, COMES_S, "the frames")
        assert n < 5000
    seen = capture.end()
    assert len(seen) == n and {f["dir"] for f in seen} == {"out"}
    lost = [f for f in seen if f["comment"]]
    assert len(lost) == switch.stats("b")["drops"]["tx_full"]
    assert all("tx_full" in f["comment"] for f in lost)


def test_flows_drop_with_a_reason_and_change_what_leaves(make_switch, tmp_path):
    bridge = Bridge(make_switch)
    bridge.flows("in_port=1,udp,actions=mod_dl_dst:02:00:00:00:00:77,output:2",
                 "in_port=1,tcp,actions=drop")
    inside = Capture(bridge.switch, "p1", tmp_path / "in.pcapng")
    outside = Capture(bridge.switch, "p2", tmp_path / "out.pcapng")
    udp = bytes(Ether(**ETHER) / IP() / UDP() / Raw(b"z" * 40))
    tcp = bytes(Ether(**ETHER) / IP() / TCP() / Raw(b"z" * 40))
    nothing = frame(B, A)
    bridge.offer(1, [udp, tcp, nothing])
    changed = b"\x02\0\0\0\0\x77" + udp[6:]
    assert bridge.guests[2].recv_only(changed)
    assert [(f["frame"], (f["comment"] or "").split(" (")[0]) for f in inside.end()] == [
        (udp, ""), (tcp, "dropped: flow_drop"), (nothing, "dropped: no_flow")]
    assert [f["frame"] for f in outside.end()] == [changed]
    bridge.close()


def test_a_filter_and_a_direction_choose_and_snaplen_cuts(switch, guests, tmp_path):
    capture = Capture(switch, "a", tmp_path / "a.pcapng", "--filter", "udp port 53", "--dir=in",
                      "--snaplen", "60")
    asked = bytes(Ether(**ETHER) / IP() / UDP(sport=9, dport=53) / Raw(b"q" * 400))
    other = bytes(Ether(**ETHER) / IP() / UDP(sport=9, dport=54) / Raw(b"q" * 400))
    guests["a"].send_many([other, asked, other])
    guests["b"].send(asked)
    assert guests["a"].recv_only(asked)
    (seen,) = capture.end()
    assert (seen["frame"], seen["len"], seen["dir"]) == (asked[:60], len(asked), "in")


def test_a_filter_sees_what_is_not_kept(switch, guests, tmp_path):
    """As tcpdump's: the filter is asked first."""
    capture = Capture(switch, "a", tmp_path / "a.pcapng", "--filter", "udp port 53 and ether[400] = 0x71",
                      "-s", "20")
    asked = bytes(Ether(**ETHER) / IP() / UDP(sport=9, dport=53) / Raw(b"q" * 400))
    guests["a"].send_many([frame(B, A), asked, asked[:300]])
    assert guests["b"].recv_only(asked)
    (seen,) = capture.end()
    assert (seen["frame"], seen["len"]) == (asked[:20], len(asked))


@pytest.mark.parametrize("expression, kept", [
    ("vlan 10", [0, 1, 4]), ("vlan 10 and tcp port 80", [0]), ("tcp port 80", [3]), ("vlan", [0, 1, 2, 4]),
    ("ether proto 0x8100", [0, 1, 2, 4]), ("vlan and icmp6", [4]), ("icmp6", [5]), ("not vlan", [3, 5, 6]),
    ("arp", [6]), ("greater 130", [1])])
def test_filters_are_tcpdumps(trunk, tmp_path, expression, kept):
    """With tags as the port has them."""
    switch, guest = trunk
    capture = Capture(switch, "t", tmp_path / "t.pcapng", "--filter", expression)
    n = switch.stats("t")["rx_packets"]
    guest.send_many(TAGGED)
    wait_for(lambda: switch.stats("t")["rx_packets"] == n + len(TAGGED), COMES_S, "the frames")
    assert [f["frame"] for f in capture.end()] == [TAGGED[i] for i in kept]


def test_a_frame_of_64_kib_is_whole(switch, tmp_path):
    """The longest that a guest may leave to be cut, in a VLAN."""
    kept = [(Capture(switch, "t", tmp_path / f"{snaplen}", "-s", snaplen), snaplen)
            for snaplen in ("0", "262144", "65535")]
    sent = bytes(Ether(**ETHER) / Dot1Q(vlan=10) / IP(len=65535, src="10.0.0.1", dst="10.0.0.2") /
                 TCP(flags="A", chksum=0)) + bytes(65495)
    header = struct.pack("<BBHHHHH", 1, 1, 58, 1400, 38, 16, 0)
    with plug(switch, "t", offloads=F_CSUM | F_HOST_TSO4, tx_bytes=66000, ring_size=32) as t:
        t.send_many([sent], header=header)
        wait_for(lambda: switch.stats("t")["rx_packets"] == 1, COMES_S, "the frame")
    for capture, snaplen in kept:
        (seen,) = capture.end()
        assert (seen["len"], len(seen["frame"])) == (65553, min(65553, int(snaplen) or 65553))


def test_a_count_ends_it(switch, guests, tmp_path):
    capture = Capture(switch, "a", tmp_path / "a.pcapng", "-c", "3")
    guests["a"].send_many([frame(BROADCAST, A)] * 5)
    assert len(capture.end(how=None)) == 3  # and those that were not wanted any more are not lost


def test_it_ends_with_its_port_and_tells_what_it_has(switch, guests, tmp_path):
    capture = Capture(switch, "a", tmp_path / "a.pcapng")
    guests["a"].send(frame(BROADCAST, A))
    assert guests["b"].recv_only(frame(BROADCAST, A))
    switch.cli("port", "del", "a")
    assert [f["frame"] for f in capture.end(how=None, why=": the port is gone")] == [
        frame(BROADCAST, A)]


def test_it_goes_on_while_its_port_is_changed(switch, guests, tmp_path):
    capture = Capture(switch, "a", tmp_path / "a.pcapng")
    for vlan in (11, 10):
        switch.cli("port", "set", "a", "--vlan", vlan)
        guests["a"].send(frame(BROADCAST, A, payload=bytes([vlan])))
        assert guests["t"].recv() is not None
    assert [f["frame"] for f in capture.end()] == [
        frame(BROADCAST, A, payload=bytes([vlan])) for vlan in (11, 10)]


def test_it_ends_with_shuntd_and_has_all(switch, guests, tmp_path):
    capture = Capture(switch, "a", tmp_path / "a.pcapng")
    n = 2000
    for _ in range(n // 100):
        guests["a"].send_many([frame(BROADCAST, A, length=1514)] * 100)
    wait_for(lambda: switch.stats("a")["rx_packets"] == n, COMES_S, "the frames")
    capture.process.send_signal(signal.SIGSTOP)  # a socket does not hold them all
    guests["a"].send_many([frame(BROADCAST, A, length=1514)] * 100)
    wait_for(lambda: switch.stats("a")["rx_packets"] == n + 100, COMES_S, "the frames")
    switch.process.send_signal(signal.SIGTERM)
    capture.process.send_signal(signal.SIGCONT)
    assert len(capture.end(how=None, why=": shuntd ends")) == n + 100


def test_a_shuntd_that_is_killed_leaves_word_that_the_end_is_missing(switch, guests, tmp_path):
    capture = Capture(switch, "a", tmp_path / "a.pcapng")
    switch.kill()
    _, errors = capture.process.communicate(timeout=COMES_S)
    assert capture.process.returncode == 1 and b"shuntd has ended, after 0 frames" in errors
    switch.start()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_it_is_whole_however_it_is_ended(switch, guests, tmp_path, how):
    capture = Capture(switch, "a", tmp_path / "a.pcapng")
    guests["a"].send(frame(BROADCAST, A))
    assert guests["b"].recv_only(frame(BROADCAST, A))
    assert len(capture.end(how)) == 1


def test_frames_have_the_time_of_the_hosts_clock(switch, guests, tmp_path):
    """For as long as it runs: the processor's counter is known to some thousandths alone."""
    spans, n, end = [], 0, time.monotonic() + 2
    capture = Capture(switch, "a", tmp_path / "a.pcapng", "--dir", "in", "-f", "ether[14] = 0")
    while time.monotonic() < end:  # one of many frames is looked at
        before = time.time()
        guests["a"].send(frame(BROADCAST, A, payload=bytes([n % 50])))
        assert guests["b"].recv() is not None
        if n % 50 == 0:
            spans.append((before, time.time()))
        n += 1
    times = [f["time"] for f in capture.end()]
    assert len(times) == len(spans) > 1
    for when, (before, after) in zip(times, spans):
        assert before - 0.0005 < when < after + 0.0005


def test_a_pipe_into_tcpdump_shows_frames_as_they_come(switch, guests):
    line = (f"exec {SHUNT} --run-dir {switch.run_dir} capture a -w - | "
            "tcpdump -lnnr - 2>/dev/null")
    with subprocess.Popen(["bash", "-c", line], stdout=subprocess.PIPE,
                          start_new_session=True) as shell:
        wait_for(lambda: Capture.running(switch), COMES_S, "the capture")
        guests["a"].send(bytes(Ether(**ETHER) / IP(dst="10.1.2.3") / UDP(dport=7) / Raw(b"x" * 60)))
        assert select.select([shell.stdout], [], [], COMES_S)[0]
        assert b"10.1.2.3.7: " in shell.stdout.readline()
        os.killpg(shell.pid, signal.SIGTERM)
        assert shell.stdout.read().strip() == b""  # no other frame; tcpdump may end its line


def test_a_reader_that_stops_reading_loses_frames_and_they_are_counted(switch, guests, tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    keep = os.open(path, os.O_RDWR)  # the writer blocks when it is full; nobody reads yet
    capture = Capture(switch, "a", path)
    burst, n = [frame(BROADCAST, A, length=1514)] * 200, 0
    while n * 1500 < 32 << 20:  # more than rings and buffers hold together
        guests["a"].send_many(burst)
        n += len(burst)
        wait_for(lambda: switch.stats("a")["rx_packets"] >= n, COMES_S, "the frames")
    copy = tmp_path / "copy.pcapng"
    with open(copy, "wb") as out:
        reader = subprocess.Popen(["cat", path], stdout=out)
        wait_for(lambda: out.tell() >= 0 and os.path.getsize(copy) > 0, COMES_S, "a reader")
        capture.process.send_signal(signal.SIGINT)
        assert capture.process.wait(COMES_S) == 0
        os.close(keep)
        assert reader.wait(COMES_S) == 0
    said = re.fullmatch(r"shunt: capture a: (\d+) frames captured, (\d+) lost\n",
                        capture.process.stderr.read().decode())
    seen = subprocess.run(["tcpdump", "-nr", copy], capture_output=True, text=True, check=True)
    got = len(seen.stdout.splitlines())
    assert 0 < got < n and (got, n - got) == tuple(map(int, said.groups()))
    assert_sums_hold(switch)


@pytest.mark.parametrize("words, sentence", [
    (["nobody", "-w", "/dev/null"], "no such port 'nobody'"),
    (["a", "-w", "/dev/null", "--filter", "foo bar"], "filter 'foo bar': "),
    (["a", "-w", "/dev/null", "--dir", "up"], "dir: 'up' is not allowed: in, out or both"),
    (["a", "-w", "/dev/null", "--snaplen", "3"], "snaplen: '3' is not allowed: a number from 14"),
    (["a", "-w", "/nonexistent/x"], "/nonexistent/x: No such file or directory"),
    (["a", "-w", "/dev/null", "--filter", "inbound"], "filter 'inbound': "),
    (["a", "-w", "/dev/null", "--filter", "vlan 5000"], "VLAN tag 5000 greater than maximum 4095"),
    (["a", "-w", "/dev/null", "--snaplen", "262145"], "snaplen: '262145' is not allowed"),
    (["a", "-w", "/dev/full"], "/dev/full: No space left on device"),
])
def test_what_cannot_be_captured_is_one_line(switch, words, sentence):
    with pytest.raises(CommandFailed) as failed:
        switch.cli("capture", *words)
    assert sentence in failed.value.stderr and failed.value.stderr.count("\n") <= 1


def test_a_file_is_not_lost_to_a_capture_that_does_not_begin(switch, guests, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(bytes(4096))
    for path in (old, new):
        with pytest.raises(CommandFailed):
            switch.cli("capture", "nobody", "-w", path)
    assert old.read_bytes() == bytes(4096) and not new.exists()
    assert Capture(switch, "a", old).end() == []  # nothing of it is left


def memory_kib(switch):
    with open(f"/proc/{switch.pid}/status") as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read()).group(1))


def test_a_reader_that_is_always_behind_costs_no_more_memory_with_time(switch, guests, tmp_path):
    path, burst, sizes = tmp_path / "fifo", [frame(BROADCAST, A, length=9000)] * 200, []
    os.mkfifo(path)
    keep = os.open(path, os.O_RDWR)
    capture = Capture(switch, "a", path)
    for megabytes in range(100):  # read of the ten that are sent meanwhile
        for _ in range(6):
            guests["a"].send_many(burst)
        left = 1 << 20
        while left > 0:
            left -= len(os.read(keep, left))
        sizes.append(memory_kib(switch))
    capture.process.kill()
    os.close(keep)
    assert sizes[-1] - sizes[45] < 20 << 10, sizes[::9]


def test_who_does_not_read_is_left_at_the_second_interrupt(switch, guests, tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    keep = os.open(path, os.O_RDWR)
    capture = Capture(switch, "a", path)
    guests["a"].send_many([frame(BROADCAST, A, length=1514)] * 200)
    wait_for(lambda: switch.stats("a")["rx_packets"] == 200, COMES_S, "the frames")
    capture.process.send_signal(signal.SIGINT)
    wait_for(lambda: ": over" in switch.log(), COMES_S, "the end")
    assert capture.process.poll() is None
    capture.process.send_signal(signal.SIGINT)
    assert capture.process.wait(COMES_S) == 1
    assert b"ended before all was written" in capture.process.stderr.read()
    os.close(keep)


def test_it_ends_with_its_reader_though_nothing_comes(switch, guests):
    line = f"{SHUNT} --run-dir {switch.run_dir} capture a -w - | head -c 4 >/dev/null"
    assert subprocess.run(["bash", "-c", line], timeout=COMES_S).returncode == 0
    wait_for(lambda: ": over" in switch.log(), COMES_S, "the end")


def test_who_may_not_ask_the_switch_may_not_capture(switch, tmp_path):
    os.chmod(switch.folder, 0o755)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", SHUNT, "--run-dir",
         switch.run_dir, "capture", "a", "-w", "/dev/null"], capture_output=True, text=True)
    assert done.returncode == 1 and "no permission for" in done.stderr


@pytest.fixture
def named(make_netns, make_switch):
    """A switch where names are looked up by a server that is the test's: (switch, its socket)."""
    ns = make_netns("dns")
    folder = f"/etc/netns/{ns.name}"  # `ip netns exec` puts what is there over /etc
    os.makedirs(folder)
    try:
        with open(f"{folder}/resolv.conf", "w") as f:
            f.write("nameserver 127.0.0.1\noptions timeout:30 attempts:1\n")
        switch = make_switch(config({"a": "vlan: 10"}), prefix=ns.command())
        with ns.make(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
            server.settimeout(COMES_S)
            server.bind(("127.0.0.1", 53))
            yield switch, server
    finally:
        shutil.rmtree(folder)


def start_capture(switch, path):
    return subprocess.Popen([SHUNT, "--run-dir", switch.run_dir, "capture", "a", "-w", path, "-f",
                             "host web1.test"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)


def answer_one(server):
    """10.0.0.9, and that there is no other."""
    question, asker = server.recvfrom(512)
    asked = DNS(question)
    found = DNSRR(rrname=asked.qd.qname, rdata="10.0.0.9") if asked.qd.qtype == 1 else None
    server.sendto(bytes(DNS(id=asked.id, qr=1, rd=1, ra=1, qd=asked.qd, an=found)), asker)


def test_a_name_in_a_filter_is_looked_up_while_the_switch_goes_on(named, tmp_path):
    switch, server = named
    process = start_capture(switch, tmp_path / "a")
    assert select.select([server], [], [], COMES_S)[0]
    switch.cli("port", "set", "a", "--mtu", "1400")
    answer_one(server)
    answer_one(server)
    wait_for(lambda: Capture.running(switch), COMES_S, "the capture")
    theirs, others = (bytes(Ether(**ETHER) / IP(dst=d) / UDP()) for d in ("10.0.0.9", "10.0.0.8"))
    with plug(switch, "a") as guest:
        guest.send_many([others, theirs, others])
        wait_for(lambda: switch.stats("a")["rx_packets"] == 3, COMES_S, "the frames")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=COMES_S)[1] == b"shunt: capture a: 1 frame captured, 0 lost\n"


def test_a_port_that_goes_and_a_shuntd_that_ends_do_not_wait_for_a_name(named, tmp_path):
    switch, server = named
    first = start_capture(switch, tmp_path / "first")
    assert select.select([server], [], [], COMES_S)[0]
    switch.cli("port", "del", "a")
    answer_one(server)
    answer_one(server)
    assert b"no such port 'a'" in first.communicate(timeout=COMES_S)[1] and first.returncode == 1
    switch.cli("port", "add", "a", "--bridge", "br0")
    second = start_capture(switch, tmp_path / "second")
    assert select.select([server], [], [], COMES_S)[0]
    assert switch.terminate(5) == 0
    assert second.communicate(timeout=COMES_S)[1] and second.returncode == 1
    assert os.listdir(tmp_path) == []
    switch.start()


def test_captures_beyond_the_most_are_refused_and_ended_ones_leave_nothing(switch, tmp_path):
    many = [Capture(switch, "a", tmp_path / f"{i}") for i in range(16)]
    with pytest.raises(CommandFailed) as failed:
        switch.cli("capture", "a", "-w", "/dev/null")
    assert "16 captures run already" in failed.value.stderr
    assert all(c.end() == [] for c in many)
    assert [f for f in os.listdir(switch.run_dir) if f.startswith("capture")] == []
    assert Capture(switch, "a", tmp_path / "again").end() == []


def test_the_path_of_frames_outlives_captures_that_come_and_go(switch, guests, tmp_path):
    guests["b"].send(frame(BROADCAST, B))
    learned(switch, "b", B)
    n = 0
    for i in range(20):
        capture = Capture(switch, "b" if i % 2 else "a", tmp_path / f"{i}")
        guests["a"].send_many([frame(B, A, payload=bytes([i]))] * 10)
        n += 10
        assert all(guests["b"].recv(COMES_S) for _ in range(10))
        assert len(capture.end()) == 10
    assert switch.stats("b")["tx_packets"] >= n
    assert_sums_hold(switch)
