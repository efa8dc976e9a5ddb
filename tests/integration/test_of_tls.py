# SPDX-License-Identifier: BSD-3-Clause
"""OpenFlow by TLS, both ways, with the right certificates, with others and with none."""

import os
import select
import shutil
import socket
import ssl
import subprocess

import pytest

import of_client
from certificates import Identity, openssl
from controllers import COMES_S, flows_of, free_port, osken, ovs_controller, reach_each_other
from daemon import SMALL, CommandFailed, wait_for
from of_client import Client
from vhost_guest import frame, mac

A, B = mac(0xa), mac(0xb)


class Pki:
    """An authority, two that it vouches for, and a stranger of another authority."""

    def __init__(self, folder):
        self.ca, self.other_ca = Identity(folder, "ca"), Identity(folder, "other-ca")
        self.switch = Identity(folder, "switch", self.ca)
        self.controller = Identity(folder, "controller", self.ca)
        self.stranger = Identity(folder, "stranger", self.other_ca)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def served(make_bridge, pki, port):
    """A bridge that listens for controllers of the authority."""
    return make_bridge(f"pssl:{port}", fields="fail_mode: secure, " + pki.switch.fields(pki.ca))


def by_tls(port, identity, authority, command, *arguments, status=0, stdin=None):
    """ovs-ofctl by TLS; returns what it printed, or what it complained of."""
    done = subprocess.run(["ovs-ofctl", "-O", "OpenFlow13", *identity.options(authority), command,
                           f"ssl:127.0.0.1:{port}", *arguments], capture_output=True, text=True,
                          timeout=60, input=stdin)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr


def context(identity=None, authority=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED if authority else ssl.CERT_NONE
    if authority:
        made.load_verify_locations(authority.certificate)
    if identity:
        made.load_cert_chain(identity.certificate, identity.key)
    return made


def connect(port, made):
    return made.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20))


def gets_nothing(port, made):
    """Whether the bridge ends the connection before it has said a word of OpenFlow."""
    try:
        with connect(port, made) as sock:
            return sock.recv(1) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def logged(bridge, *words):
    """Wait for a line of the log with all of these words; returns it."""
    def line():
        return next((line for line in bridge.switch.log().splitlines()
                     if all(word in line for word in words)), None)

    return wait_for(line, COMES_S, f"{words} in the log")


# The bridge is connected to

def test_ovs_ofctl_works_by_tls(served, pki, port):
    flows = [f"priority={i},in_port=1,actions=output:2" for i in range(1, 3001)]
    by_tls(port, pki.controller, pki.ca, "add-flows", "-", stdin="\n".join(flows) + "\n")
    assert by_tls(port, pki.controller, pki.ca, "dump-flows").count("in_port=1") == 3000
    assert len(flows_of(served, "in_port=1")) == 3000
    assert set(served.send(1, frame(B, A))) == {2}


def test_a_bridge_shows_a_certificate_of_its_authority(served, pki, port):
    assert "certificate verify failed" in by_tls(port, pki.stranger, pki.other_ca, "show", status=1)
    with connect(port, context(pki.controller, pki.ca)) as sock:
        assert sock.getpeercert()["subject"] == ((("commonName", "switch"),),)
        Client(sock).greet()


@pytest.mark.bad_input
@pytest.mark.parametrize("who, reason", [
    ("stranger", "unable to get local issuer certificate"),
    ("other_ca", "self-signed certificate"),
    (None, "peer did not return a certificate"),
])
def test_who_is_not_of_the_authority_is_refused_and_named(served, pki, port, who, reason):
    identity = getattr(pki, who) if who else None
    assert gets_nothing(port, context(identity))
    assert reason in logged(served, "no TLS with 127.0.0.1", f"pssl:{port}")
    by_tls(port, pki.controller, pki.ca, "show")


@pytest.mark.bad_input
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_versions_of_tls_are_refused(served, pki, port):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        made = context(pki.controller, pki.ca)
        made.minimum_version = made.maximum_version = version
        with connect(port, made) as sock:
            Client(sock).greet()
    old = context(pki.controller, pki.ca)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    assert gets_nothing(port, old)
    assert "unsupported protocol" in logged(served, "no TLS with")


@pytest.mark.bad_input
@pytest.mark.parametrize("words", [of_client.message(of_client.HELLO), b"GET / HTTP/1.1\r\n\r\n",
                                   bytes(300), b"\x16\x03\x01\x02\x00" + b"\xff" * 512])
def test_who_does_not_speak_tls_is_hung_up_on(served, pki, port, words):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(words)
        try:
            while sock.recv(4096):  # an alert, and the end
                pass
        except ConnectionResetError:
            pass
    logged(served, "no TLS with 127.0.0.1", "TLS:")
    by_tls(port, pki.controller, pki.ca, "show")


@pytest.mark.bad_input
def test_handshakes_that_never_end_keep_nobody_out(served, pki, port):
    waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    for i, sock in enumerate(waiting):
        sock.sendall(b"\x16\x03\x01\x02\x00\x01"[:i % 7])
    by_tls(port, pki.controller, pki.ca, "show")
    for sock in waiting:
        sock.close()
    served.ofctl("show")


@pytest.mark.bad_input
def test_handshakes_that_are_broken_off_leave_nothing_behind(served, pki, port):
    before = served.switch.n_descriptors()
    for i in range(200):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context(pki.controller).wrap_bio(incoming, outgoing)
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            hello = outgoing.read()
            sock.sendall(hello[:len(hello) * i // 199])
            if i % 2:
                select.select([sock], [], [], 0.01)
    wait_for(lambda: served.switch.n_descriptors() == before, 20, "all connections closed")
    by_tls(port, pki.controller, pki.ca, "show")


def test_a_connection_by_tls_that_is_not_read_waits_and_then_goes_on(served, pki, port):
    served.flows(*(f"priority={i},in_port=1,actions=output:2" for i in range(1, 2001)))
    with connect(port, context(pki.controller, pki.ca)) as sock:
        client = Client(sock).greet()
        n = 100
        for _ in range(n):
            client.send(of_client.MULTIPART_REQUEST, of_client.all_flows())
        assert served.ofctl("dump-flows").count("in_port=1") == 2000
        ends = 0
        while ends < n:
            flags = client.expect(of_client.MULTIPART_REPLY)[2:4]
            ends += flags == b"\0\0"


def test_many_small_messages_by_tls_are_all_answered(served, pki, port):
    with connect(port, context(pki.controller, pki.ca)) as sock:
        client = Client(sock).greet()
        for n in (1, 100, 5000):
            client.sock.sendall(of_client.message(of_client.ECHO_REQUEST, b"x" * 37) * n)
            for _ in range(n):
                assert client.expect(of_client.ECHO_REPLY) == b"x" * 37
        client.sock.sendall(of_client.message(of_client.ECHO_REQUEST, bytes(65000)) * 20)
        for _ in range(20):
            assert len(client.expect(of_client.ECHO_REPLY)) == 65000


# The bridge connects

def test_guests_reach_each_other_through_ovs_testcontroller_by_tls(make_bridge, started, pki, port):
    started(ovs_controller, f"pssl:{port}:127.0.0.1", *pki.controller.options(pki.ca))
    reach_each_other(make_bridge(f"ssl:127.0.0.1:{port}",
                                 fields="fail_mode: secure, " + pki.switch.fields(pki.ca)))


def test_a_controller_of_another_authority_is_not_obeyed(make_bridge, started, pki, port):
    started(ovs_controller, f"pssl:{port}:127.0.0.1", *pki.stranger.options(pki.ca))
    bridge = make_bridge(f"ssl:127.0.0.1:{port}",
                         fields="fail_mode: secure, " + pki.switch.fields(pki.ca))
    assert "its certificate is refused: unable to get local issuer certificate" in logged(
        bridge, f"no connection to controller ssl:127.0.0.1:{port}: ", "certificate")
    assert flows_of(bridge, "actions") == []


def test_a_bridge_whose_certificate_a_controller_refuses_says_so(make_bridge, started, pki, port):
    started(ovs_controller, f"pssl:{port}:127.0.0.1", *pki.controller.options(pki.ca))
    bridge = make_bridge(f"ssl:127.0.0.1:{port}",
                         fields="fail_mode: secure, " + pki.stranger.fields(pki.ca))
    logged(bridge, f"no connection to controller ssl:127.0.0.1:{port}: TLS: ", "unknown ca")


def test_a_bridge_by_tls_does_not_wait_for_who_does_not_answer(make_bridge, pki):
    with of_client.listen() as listener:
        bridge = make_bridge(f"ssl:127.0.0.1:{listener.getsockname()[1]}",
                             fields="fail_mode: secure, " + pki.switch.fields(pki.ca))
        listener.settimeout(20)
        with listener.accept()[0] as sock:
            sock.settimeout(20)
            assert sock.recv(1) == b"\x16"  # a handshake that is not answered
            bridge.flows("in_port=1,actions=output:3")
            assert set(bridge.send(1, frame(B, A))) == {3}


# Configuration

def refused(make_switch, *argv):
    switch = make_switch(SMALL + "bridges: [ { name: br0 } ]\n")
    with pytest.raises(CommandFailed) as e:
        switch.cli("bridge", "set", "br0", *argv)
    assert e.value.stderr.count("\n") == 1
    assert switch.json("bridge", "show", "br0").get("controllers") in (None, [])
    return e.value.stderr


@pytest.mark.parametrize("target", ["ssl:127.0.0.1:6653", "pssl:6653"])
def test_tls_without_certificates_is_refused(make_switch, target):
    assert f"controllers: '{target}' needs ssl_private_key and ssl_certificate" in refused(
        make_switch, "--controllers", f"tcp:127.0.0.1,{target}")


def test_files_that_cannot_serve_are_refused(make_switch, pki, tmp_path, port):
    missing, locked = tmp_path / "missing.pem", tmp_path / "locked.key"
    openssl("ec", "-aes128", "-passout", "pass:secret", "-in", pki.switch.key, "-out", locked)
    for key, certificate, authority, field, words in [
            (missing, pki.switch.certificate, pki.ca.certificate, "ssl_private_key", "No such file"),
            (pki.switch.key, missing, pki.ca.certificate, "ssl_certificate", "No such file"),
            (pki.switch.key, pki.switch.certificate, missing, "ssl_ca_certificate", "No such file"),
            (pki.switch.certificate, pki.switch.certificate, pki.ca.certificate, "ssl_private_key",
             ""),
            (pki.controller.key, pki.switch.certificate, pki.ca.certificate, "ssl_private_key",
             "key values mismatch"),
            (locked, pki.switch.certificate, pki.ca.certificate, "ssl_private_key", "has a passphrase")]:
        error = refused(make_switch, "--controllers", f"pssl:{port}", "--ssl-private-key", key,
                        "--ssl-certificate", certificate, "--ssl-ca-certificate", authority)
        assert field in error and words in error, error


@pytest.mark.parametrize("argv, words", [
    (["--ssl-private-key", "/x"], "ssl_certificate is missing"),
    (["--ssl-certificate", "/x"], "ssl_private_key is missing"),
    (["--ssl-ca-certificate", "/x"], "ssl_private_key is missing"),
    (["--ssl-ca-certificate", "x.pem"], "ssl_ca_certificate: 'x.pem' is not allowed"),
])
def test_half_of_an_identity_is_refused(make_switch, argv, words):
    assert words in refused(make_switch, *argv)


def test_without_an_authority_all_are_let_in_and_the_plan_warns(make_bridge, pki, port):
    bridge = make_bridge(f"pssl:{port}", fields="fail_mode: secure, " + pki.switch.fields())
    with connect(port, context()) as sock:
        Client(sock).greet().barrier()
    by_tls(port, pki.stranger, pki.ca, "show")
    stored = os.path.join(bridge.switch.state_dir, "config.yaml")
    done = bridge.switch.run("apply", stored)
    assert "without ssl_ca_certificate" in done.stdout + done.stderr


def test_a_renewed_certificate_is_shown_to_those_who_come_then(make_bridge, pki, port, tmp_path):
    own = Identity(tmp_path, "first", pki.ca)
    bridge = make_bridge(f"pssl:{port}", fields="fail_mode: secure, " + own.fields(pki.ca))
    with connect(port, context(pki.controller, pki.ca)) as sock:
        client = Client(sock).greet()
        renewed = Identity(tmp_path, "second", pki.ca)
        shutil.copy(renewed.key, own.key)
        assert not gets_nothing(port, context(pki.controller, pki.ca))  # half of it: the old one
        assert "key values mismatch" in logged(bridge, "TLS goes on with the files as they were")
        shutil.copy(renewed.certificate, own.certificate)
        with connect(port, context(pki.controller, pki.ca)) as later:
            assert later.getpeercert()["subject"] == ((("commonName", "second"),),)
        client.barrier()


def test_another_authority_ends_the_connections_of_the_one_before(served, pki, port):
    with connect(port, context(pki.controller, pki.ca)) as sock:
        client = Client(sock).greet()
        served.switch.cli("bridge", "set", "br0", "--ssl-ca-certificate", pki.other_ca.certificate)
        with pytest.raises((ConnectionError, ssl.SSLError)):
            client.barrier()
    assert gets_nothing(port, context(pki.controller, pki.ca))
    by_tls(port, pki.stranger, pki.ca, "show")
    served.ofctl("show")


def test_a_change_that_fails_leaves_connections_by_tls_alone(served, pki, port):
    with connect(port, context(pki.controller, pki.ca)) as sock:
        client = Client(sock).greet()
        with pytest.raises(CommandFailed):
            served.switch.cli("bridge", "set", "br0", "--ssl-private-key", pki.controller.key)
        with of_client.listen() as taken:
            with pytest.raises(CommandFailed, match="cannot listen"):
                served.switch.cli("bridge", "set", "br0", "--controllers",
                                  f"pssl:{port},ptcp:{taken.getsockname()[1]}",
                                  "--ssl-ca-certificate", pki.other_ca.certificate)
        client.barrier()
    by_tls(port, pki.controller, pki.ca, "show")


def test_guests_reach_each_other_through_os_ken_by_tls(make_bridge, started, pki, port):
    started(osken, port, "osken_switch.py", "--ofp-ssl-listen-port", str(port), "--ctl-privkey",
            pki.controller.key, "--ctl-cert", pki.controller.certificate, "--ca-certs",
            pki.ca.certificate)
    reach_each_other(make_bridge(f"ssl:127.0.0.1:{port}",
                                 fields="fail_mode: secure, " + pki.switch.fields(pki.ca)))
