# SPDX-License-Identifier: BSD-3-Clause
"""The documentation is true: its tour runs, its commands parse, its configurations load, its links
lead somewhere, its tables are the code's."""

import glob
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree

import pytest
import yaml

from daemon import BUILD, SHUNT, SHUNTD, SMALL, SRIOV, TOP, wait_for
from docs import blocks, commands, links, man_pages, pages, read, table
from guest import BOOT_S, GUEST, accelerator
from test_vlan_matrix import tag_out, vlan_of

CONFIGS = sorted(glob.glob(os.path.join(TOP, "configs", "*.yaml")))
LINE_S = 30


class Shell:
    """A bash with network interfaces and namespaces of its own; run() runs a line in it."""

    def __init__(self, folder):
        self.log_path = os.path.join(folder, "stderr")
        self.log_file = open(self.log_path, "w")
        env = dict(os.environ, TMPDIR=str(folder))
        self.process = subprocess.Popen(["unshare", "--net", "--mount", "bash"], cwd=folder,
                                        env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log_file)
        self.text = ""
        self.run("mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && ip link set lo up")

    def log(self):
        with open(self.log_path) as f:
            return f.read()

    def run(self, line, status=0):
        """Returns what the line printed; it must end with the status."""
        self.process.stdin.write(f"{line}\necho \"--END $?--\"\n".encode())
        self.process.stdin.flush()
        deadline = time.monotonic() + LINE_S
        while not (end := re.search(r"--END (\d+)--\n", self.text)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"{line}: no end in {LINE_S} s: {self.text}{self.log()}")
            chunk = os.read(self.process.stdout.fileno(), 65536)
            assert chunk, f"{line}: the shell ended: {self.log()}"
            self.text += chunk.decode()
        output, self.text = self.text[:end.start()], self.text[end.end():]
        assert int(end.group(1)) == status, f"{line}: exit {end.group(1)}: {output}{self.log()}"
        return output

    def close(self):
        """The shell's background jobs end with it."""
        if self.process.poll() is None:
            self.process.stdin.write(b"kill $(jobs -p) 2>/dev/null; wait; exit\n")
        self.process.stdin.close()
        self.process.wait(LINE_S)
        self.process.stdout.close()
        self.log_file.close()


@pytest.fixture
def shell(tmp_path):
    """A shell in a folder that looks like the top of the checkout."""
    os.symlink(BUILD, tmp_path / "build")
    for name in ("configs", "tests"):
        os.symlink(os.path.join(TOP, name), tmp_path / name)
    shell = Shell(tmp_path)
    yield shell
    shell.close()


def shape(text):
    """Lines as words in which numbers, addresses and folders do not matter; in any order, since
    that of addresses in a table does not."""
    text = re.sub(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", "MAC", text)
    text = re.sub(r"/\S+/", "FOLDER/", text)
    return sorted(re.sub(r"\d+", "N", line).split() for line in text.splitlines() if line.strip())


def tour():
    """[(lines, what the last of them print or None)]"""
    found = []
    for info, text in blocks("README.md"):
        if info == "sh tour":
            found.append([text.splitlines(), None])
        elif info == "text" and found:
            found[-1][1] = text
    return found


def test_every_line_of_the_tour_runs_and_prints_what_is_shown(shell):
    steps = tour()
    assert sum(len(lines) for lines, _ in steps) > 30
    for lines, shown in steps:
        printed = ""
        for line in lines:
            printed += shell.run(line)
            if line.endswith("&"):
                wait_for(lambda: "is ready" in shell.log(), 20, "shuntd is ready")
        if shown:
            end = printed.splitlines()[-len(shown.splitlines()):]
            assert shape("\n".join(end)) == shape(shown)
    assert " err: " not in shell.log()


def all_commands(program):
    return sorted({tuple(c) for path in pages() + man_pages() for c in commands(path, program)})


# A host without any NIC: what is shown for another's shall not be done to that of who tests.
WITHOUT_NICS = ["unshare", "--net", "--mount", "sh", "-c",
                "mount -t tmpfs none /sys && exec \"$0\" \"$@\""]


@pytest.mark.parametrize("command", all_commands("shunt"), ids=" ".join)
def test_every_command_shown_is_understood(tmp_path, command):
    """No shuntd runs there, so what is understood is refused, with 1; 2 would be wrong usage."""
    done = subprocess.run([*WITHOUT_NICS, SHUNT, "--run-dir", tmp_path, *command[1:]], cwd=tmp_path,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr


def test_commands_are_found_at_all():
    found = all_commands("shunt")
    assert ("shunt", "bridge", "add", "br0") in found
    assert ("shunt", "port", "set", "web1", "--queues", "4") in found
    assert len(found) > 40
    assert ("shunt", "sriov", "set", "eth0", "--num-vfs", "2") in found


def test_every_option_of_shuntd_shown_exists():
    known = subprocess.run([SHUNTD, "--help"], capture_output=True, text=True).stdout
    found = all_commands("shuntd")
    assert found
    for command in found:
        for option in (w for w in command[1:] if w.startswith("-")):
            assert re.search(rf"(^|\s){option}\b", known), command


def test_every_command_of_shunt_sriov_shown_is_understood(tmp_path):
    found = all_commands("shunt-sriov")
    for command in (c for c in found if "--watch" not in c):
        done = subprocess.run([*WITHOUT_NICS, SRIOV, *command[1:]], cwd=tmp_path,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr


@pytest.mark.parametrize("path", pages())
def test_links_lead_somewhere(path):
    for target in links(path):
        assert os.path.exists(os.path.join(TOP, os.path.dirname(path), target)), target


def yaml_blocks():
    for path in pages():
        yield from ((path, text) for info, text in blocks(path) if info == "yaml")
    for path in man_pages():
        yield from ((path, text) for _, text in blocks(path) if "bridges:" in text)


@pytest.mark.parametrize("path, text", yaml_blocks())
def test_configurations_shown_load(tmp_path, path, text):
    (tmp_path / "shown.yaml").write_text(text)
    done = subprocess.run([SHUNTD, "--check", "-c", tmp_path / "shown.yaml"], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr


def test_a_configuration_of_the_man_page_is_among_them():
    assert {"doc/shunt.yaml.5.scd", "doc/vlan.md"} <= {path for path, _ in yaml_blocks()}


@pytest.mark.parametrize("path", CONFIGS, ids=os.path.basename)
def test_examples_load(path):
    done = subprocess.run([SHUNTD, "--check", "-c", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", CONFIGS, ids=os.path.basename)
def test_examples_start_with_every_port_made(make_switch, path):
    """In network namespaces of their own, with a cable in the place of the NIC that they name."""
    with open(path) as f:
        text = re.sub(r"^(memory|lldp):.*\n", "", f.read(), flags=re.M)
    switch = make_switch(SMALL + text, store=False, prefix=(
        "unshare", "--net", "sh", "-c",
        "ip link add eth1 type veth peer name far && exec \"$0\" \"$@\""))
    ports = switch.json("port", "list")
    assert [p["error"] for p in ports if "error" in p] == []
    assert len(ports) == len(yaml.safe_load(text).get("ports", []))


def test_every_example_is_in_the_folders_page_and_installed():
    page, build = read("configs/README.md"), read("configs/meson.build")
    for path in CONFIGS:
        assert f"({os.path.basename(path)})" in page
        assert f"'{os.path.basename(path)}'" in build


def drop_reasons():
    text = read("dataplane/include/dataplane/drop.h")
    return re.findall(r'X\(\w+,\s*"(\w+)",\s*(RX|TX), "(.*?)"\)', text)


def test_the_table_of_drop_reasons_is_the_codes():
    rows = table("doc/operations.md", "reason", "side", "meaning", "what to do")
    assert [tuple(row[:3]) for row in rows] == drop_reasons()
    assert all(row[3] for row in rows)


def test_the_table_of_methods_is_the_codes():
    code = read("control/method.c")
    methods = set(re.findall(r'^\t\{ "([\w.]+)", method_', code, re.M))
    for noun in re.findall(r'^\tITEM_METHODS\("(\w+)"', code, re.M):
        methods |= {f"{noun}.{verb}" for verb in ("add", "set", "del", "list", "show")}
    rows = table("doc/api.md", "method", "params", "result")
    assert {m for row in rows for m in re.findall(r"[\w.]+", row[0])} == methods


VLAN_PORTS = {"access 10": "access", "trunk 10,20": "trunk", "trunk all": "all",
              "native-untagged 10, trunk 20": "untag", "native-tagged 10, trunk 20": "nattag"}
TAGS = {"untagged": None, "VID 0": 0, "VID 10": 10, "VID 20": 20, "VID 30": 30}
VLANS = {"VLAN 0": 0, "VLAN 10": 10, "VLAN 20": 20, "VLAN 30": 30}


def test_the_vlan_tables_are_the_ones_that_are_tested_frame_by_frame():
    came = [[port, *("-" if vlan_of(mode, tag) is None else str(vlan_of(mode, tag))
                     for tag in TAGS.values())] for port, mode in VLAN_PORTS.items()]
    words = {False: "-", None: "untagged"}
    left = [[port, *(words.get(t := tag_out(mode, vlan, None), str(t)) for vlan in VLANS.values())]
            for port, mode in VLAN_PORTS.items()]
    assert table("doc/vlan.md", "in", *TAGS) == came
    assert table("doc/vlan.md", "out", *VLANS) == left


def sources():
    found = subprocess.run(["git", "ls-files", "*.c", "*.h"], cwd=TOP, capture_output=True,
                           text=True).stdout.split()
    return found or [os.path.relpath(p, TOP) for p in glob.glob(f"{TOP}/*/**/*.[ch]",
                                                                recursive=True)]


def test_files_and_functions_of_the_architecture_exist():
    page = read("doc/architecture.md")
    code = "\n".join(read(path) for path in sources())
    files = set(re.findall(r"`(\w+/[\w/]+\.\w+)`", page))
    functions = set(re.findall(r"`(\w+)\(\)`", page))
    assert len(files) > 15 and len(functions) > 25
    assert [f for f in files if not os.path.exists(os.path.join(TOP, f))] == []
    assert [f for f in functions if not re.search(rf"\b{f}\([^;]*\)\n\{{", code)] == []


@pytest.mark.parametrize("folder", ["base", "api", "ofproto", "dataplane", "control", "sriov", "cli",
                                    "tests", "configs"])
def test_every_folder_has_a_page_whose_files_exist(folder):
    page = read(f"{folder}/README.md")
    assert "**May depend on**" in page and "**Start reading**" in page
    for name in re.findall(r"`([\w./*-]+\.(?:c|h|py|in|yaml|sysusers))`", page):
        places = (os.path.join(TOP, folder, name), os.path.join(TOP, name),
                  os.path.join(TOP, "tests", "integration", name))
        assert any(glob.glob(place) for place in places), name


def test_what_the_specification_names_as_its_measure_exists():
    page = read("doc/specification.md")
    bench, suites = read("tests/bench/__main__.py"), read("tests/run.py")
    for name in re.findall(r"`\./run bench (\w+)`", page):
        assert f'"{name}": ' in bench, name
    for name in re.findall(r"`\./run test ([\w-]+)`", page):
        assert f'"{name}": ' in suites, name
    for name in re.findall(r"\((test_\w+\.py)\)", page):
        assert os.path.exists(os.path.join(TOP, "tests", "integration", name)), name


def test_suites_in_the_page_on_tests_are_those_there_are():
    rows = table("doc/testing.md", "suite", "what", "needs")
    suites = re.findall(r'^    "([\w-]+)": ', read("tests/run.py"), re.M)
    assert {row[0] for row in rows} == set(suites)


def block_of(info, path="README.md"):
    return next(text for i, text in blocks(path) if i == info)


def test_the_qemu_command_of_the_readme_makes_a_guest_whose_frames_arrive(make_switch, tmp_path):
    """With the tests' guest kernel, whose stack says hello by itself, and without MSI-X, as all
    guests of the tests."""
    switch = make_switch(SMALL + "bridges: [ { name: br0 } ]\n"
                                 "ports: [ { name: web1, bridge: br0 } ]\n")
    (tmp_path / "web1.qcow2").touch()
    command = block_of("sh qemu").replace("\\\n", " ")
    for old, new in (("-accel kvm -cpu host", f"-accel {accelerator()} -cpu max"), ("1G", "128M"),
                     ("/run/shunt", switch.run_dir), ("web1.qcow2", "web1.qcow2,format=raw"),
                     ("mac=02:00:00:00:00:01", "mac=02:00:00:00:00:01,vectors=0")):
        assert old in command
        command = command.replace(old, new)
    boot = ["-kernel", f"{GUEST}/vmlinuz", "-initrd", f"{GUEST}/initrd.gz", "-append",
            "console=ttyS0 quiet", "-display", "none", "-serial", "null", "-serial", "null"]
    qemu = subprocess.Popen([*command.split(), *boot], cwd=tmp_path, stdin=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: switch.stats("web1")["rx_packets"] or qemu.poll() is not None, BOOT_S,
                 "a frame from the guest")
        assert qemu.poll() is None, qemu.stderr.read()
    finally:
        qemu.kill()
        qemu.wait()
        qemu.stderr.close()


def test_the_libvirt_snippet_shares_memory_and_meets_the_port():
    domain = xml.etree.ElementTree.fromstring(block_of("xml"))
    assert domain.find("memoryBacking/access").get("mode") == "shared"
    source = domain.find("devices/interface[@type='vhostuser']/source")
    assert source.get("mode") == "server"
    port = next(c for c in commands("README.md", "shunt") if "--socket" in c)
    assert port[port.index("--mode") + 1] == "client"
    assert port[port.index("--socket") + 1] == source.get("path")


def test_the_libvirt_snippet_of_a_vf_leaves_it_to_shunt_sriov_and_has_the_address_shown():
    device = xml.etree.ElementTree.fromstring(block_of("xml", "doc/sriov.md"))
    assert (device.tag, device.get("type"), device.get("managed")) == ("hostdev", "pci", "no")
    at = {k: int(v, 16) for k, v in device.find("source/address").items()}
    address = f"{at['domain']:04x}:{at['bus']:02x}:{at['slot']:02x}.{at['function']:x}"
    assert f"here `{address}`" in read("doc/sriov.md")
    assert f"vfio-pci,host={address} " in block_of("sh vf-qemu", "doc/sriov.md")


def test_the_qemu_command_of_a_vf_is_one_that_qemu_takes(tmp_path):
    """Up to the device, which is not in this host."""
    (tmp_path / "web1.qcow2").touch()
    command = block_of("sh vf-qemu", "doc/sriov.md").replace("\\\n", " ")
    for old, new in (("-accel kvm -cpu host", "-accel tcg"), ("1G", "128M"),
                     ("web1.qcow2", "web1.qcow2,format=raw")):
        assert old in command
        command = command.replace(old, new)
    done = subprocess.run(command.split(), cwd=tmp_path, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "0000:01:10.0" in done.stderr, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The tree as `meson install` leaves it: the folder, and the prefix in it."""
    folder = tmp_path_factory.mktemp("install")
    done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", folder],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    unit = next(folder.glob("**/shuntd.service"))
    return folder, unit.parents[3]


def test_install_brings_all_that_the_readme_says(installed):
    _, prefix = installed
    names = ["bin/shunt", "sbin/shuntd", "sbin/shunt-sriov", "lib/systemd/system/shuntd.service",
             "lib/systemd/system/shunt-sriov.service",
             "lib/sysusers.d/shunt.conf", "share/bash-completion/completions/shunt",
             "share/doc/shunt/architecture.md", "share/doc/shunt/examples/two-vlans.yaml"]
    if shutil.which("scdoc"):
        names += [f"share/man/{n}" for n in ("man1/shunt.1", "man8/shuntd.8", "man8/shunt-sriov.8",
                                             "man5/shunt.yaml.5")]
    assert [n for n in names if not (prefix / n).is_file()] == []
    example = prefix / "share/doc/shunt/examples/two-vlans.yaml"
    assert subprocess.run([prefix / "bin/shunt", "config", "check", example]).returncode == 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
@pytest.mark.parametrize("program", ["shuntd", "shunt-sriov"])
def test_systemd_has_nothing_to_say_about_the_unit(program, installed, tmp_path):
    _, prefix = installed
    text = (prefix / f"lib/systemd/system/{program}.service").read_text()
    unit = tmp_path / f"{program}.service"
    unit.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={prefix}/sbin/{program}", text,
                           flags=re.M))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def unit_capabilities():
    line = re.search(r"^CapabilityBoundingSet=(.*)$", read("configs/shuntd.service.in"), re.M)
    return ["+" + c.removeprefix("CAP_").lower() for c in line.group(1).split()]


@pytest.fixture
def folder_of_another_user():
    """Where only he may look; not in pytest's own, which he could not reach."""
    folder = tempfile.mkdtemp(prefix="shunt-monitor-")
    os.chown(folder, 65534, 65534)
    yield folder
    shutil.rmtree(folder)


def test_the_units_capabilities_are_enough_for_every_kind_of_port(
        make_switch, folder_of_another_user):
    """Also for a socket that another user's monitor made."""
    path = os.path.join(folder_of_another_user, "web2.sock")
    switch = make_switch(SMALL + f"""
bridges: [ {{ name: br0 }} ]
ports:
  - {{ name: web1, bridge: br0 }}
  - {{ name: web2, bridge: br0, mode: client, socket: {path} }}
  - {{ name: host0, bridge: br0, type: internal }}
  - {{ name: up0, bridge: br0, type: uplink, device: "packet:eth1" }}
  - {{ name: up1, bridge: br0, type: uplink, device: "xdp:eth2" }}
""", prefix=("unshare", "--net", "sh", "-c",
             "ip link add eth1 type veth peer name far && "
             "ip link add eth2 type veth peer name far2 && exec \"$0\" \"$@\"",
             "setpriv", "--no-new-privs", "--bounding-set",
             ",".join(["-all", *unit_capabilities()])))
    monitor = subprocess.Popen(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c",
         "import socket, sys\n"
         "s = socket.socket(socket.AF_UNIX)\n"
         "s.bind(sys.argv[1])\n"
         "s.listen()\n"
         "s.accept()\n"
         "print('connected', flush=True)\n"
         "sys.stdin.read()", path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        ports = switch.json("port", "list")
        assert [p["error"] for p in ports if "error" in p] == []
        assert [p["xdp"] for p in ports if "xdp" in p] == ["native"]
        assert select.select([monitor.stdout], [], [], 10)[0]
        assert monitor.stdout.readline() == "connected\n"
    finally:
        monitor.stdin.close()
        monitor.kill()
        monitor.wait()
        monitor.stdout.close()
    with open(f"/proc/{switch.pid}/status") as f:
        assert int(re.search(r"CapBnd:\s*(\w+)", f.read()).group(1), 16).bit_count() == 9
