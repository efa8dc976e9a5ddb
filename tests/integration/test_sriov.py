# SPDX-License-Identifier: BSD-3-Clause
"""shunt-sriov on a real kernel with real drivers: inside an emulated machine with two ports of igb,
eth0 and eth1, that have seven virtual functions each, an nvme controller with four, and an IOMMU.

What it claims is compared with what iproute2 and sysfs say."""

import json
import re

import pytest

from daemon import SHUNT, SRIOV, TOP, wait_for
from docs import blocks, table
from sriov import CHANGE_S, N_VFS, NVME, OTHER, PF, SYS, VFS, Watch, make_machine

MACS = [f"02:00:00:00:02:{i:02x}" for i in range(7)]
DTXSWC = 0x3500  # 82576: bit n, frames of function n must have its source address


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    machine = make_machine(str(tmp_path_factory.mktemp("sriov")))
    try:
        yield machine.ready()
    finally:
        machine.stop()


@pytest.fixture
def nic(machine):
    """The machine, whose eth0 is up with four VFs without driver that nobody has configured."""
    machine.reset()
    return machine


@pytest.fixture
def watch(nic):
    started = []

    def start(*arguments):
        started.append(Watch(nic, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def listed(machine, address=PF):
    return next(pf for pf in machine.json("list") if pf["address"] == address)


# See


def test_every_nic_with_sriov_is_listed_whatever_its_driver(machine):
    nics = {pf["address"]: pf for pf in machine.json("list")}
    assert set(nics) == {PF, OTHER, NVME}
    assert [nics[a]["driver"] for a in (PF, OTHER, NVME)] == ["igb", "igb", "nvme"]
    assert [nics[a]["total_vfs"] for a in (PF, OTHER, NVME)] == [7, 7, 4]
    assert nics[PF]["netdev"] == "eth0" and nics[OTHER]["netdev"] == "eth1"


def test_vfs_are_shown_as_iproute2_and_sysfs_tell_them(nic):
    nic.do(f"ip link set eth0 vf 1 mac {MACS[1]}; ip link set eth0 vf 1 vlan 7 qos 5; "
           "ip link set eth0 vf 1 trust on; ip link set eth0 vf 1 max_tx_rate 50")
    shown = nic.json("show", "eth0")
    assert (listed(nic)["num_vfs"], len(shown["vfs"])) == (N_VFS, N_VFS)
    for vf, told, address in zip(shown["vfs"], nic.vfs(), VFS):
        assert (vf["address"], vf["mac"]) == (address, told["address"])
        assert (vf["vlan"], vf["qos"]) == (told["vlan_list"][0].get("vlan", 0),
                                           told["vlan_list"][0].get("qos", 0))
        assert (vf["spoofchk"], vf["trust"]) == (told["spoofchk"], told["trust"])
        assert (vf["link_state"], vf["max_tx_rate"]) == (told["link_state"],
                                                         told["rate"]["max_tx"])
        assert str(vf["iommu_group"]) == nic.do(
            f"basename $(readlink {SYS}/{address}/iommu_group)").strip()


@pytest.mark.parametrize("name", ["eth1", OTHER, "02:00.0", "02:00:00:00:01:01"])
def test_a_nic_has_many_names(machine, name):
    assert machine.json("show", name)["address"] == OTHER


def test_a_name_of_two_nics_is_refused_and_of_one_is_not(machine):
    assert machine.json("show", "1b36:0010 nvme")["address"] == NVME
    complaint = machine.tool("show", "8086:10c9 igb", status=1)
    assert PF in complaint and OTHER in complaint


def test_without_rights_it_shows_what_it_may_and_says_what_it_could_not_read(nic):
    nobody = f"setpriv --reuid 65534 --clear-groups {SRIOV}"
    theirs = json.loads(nic.tool("-j", "show", "eth0", program=nobody))
    assert [vf["address"] for vf in theirs["vfs"]] == VFS[:N_VFS]
    assert "not read: " in nic.do("cat /tmp/stderr")
    nic.tool("show", "eth0")
    assert nic.do("cat /tmp/stderr") == ""


def test_the_command_line_of_shunt_does_the_same(nic):
    for words in (["list"], ["show", "eth0"]):
        ours = nic.tool("sriov", *words, program=SHUNT)
        assert ours == nic.tool(*words)
        assert json.loads(nic.tool("sriov", *words, "-j", program=SHUNT)) == nic.json(*words)
    nic.tool("sriov", "set", "eth0", "--vf", "0", "--vlan", "9", program=SHUNT)
    assert nic.vf()["vlan_list"] == [{"vlan": 9}]


# Declare


WANTED = """  - pf: eth0
    num_vfs: 4
    drivers_autoprobe: false
    vfs:
      - { vf: "0-3", spoofchk: true, trust: false }
      - { vf: "0", mac: "02:00:00:00:02:00", vlan: 100, qos: 3 }
      - { vf: "1", mac: auto, vlan: 100, max_tx_rate: 100, trust: true }
      - { vf: "2", mac: "02:00:00:00:02:02", vlan: 200, spoofchk: false }
"""


def assert_wanted(nic):
    zero, one, two, three = nic.vfs()
    assert zero["address"] == MACS[0] and zero["vlan_list"] == [{"vlan": 100, "qos": 3}]
    assert int(one["address"][:2], 16) & 3 == 2
    assert one["vlan_list"] == [{"vlan": 100}] and one["rate"] == {"max_tx": 100, "min_tx": 0}
    assert two["address"] == MACS[2] and two["vlan_list"] == [{"vlan": 200}]
    assert [vf["spoofchk"] for vf in (zero, one, two, three)] == [True, True, False, True]
    assert [vf["trust"] for vf in (zero, one, two, three)] == [False, True, False, False]


def test_a_file_makes_vfs_and_every_attribute_and_a_second_time_changes_nothing(nic):
    path = nic.file(WANTED)
    nic.set_n_vfs(0)
    assert nic.tool("plan", path) != "" and nic.n_vfs() == 0
    nic.tool("apply", path, "--dry-run")
    assert nic.n_vfs() == 0
    nic.tool("apply", path)
    assert_wanted(nic)
    before = nic.vfs()
    for words in (["plan", path], ["apply", path]):
        assert "nothing to change" in nic.tool(*words)
    assert nic.vfs() == before


def test_an_automatic_mac_is_the_same_every_time_and_another_for_each_vf(nic):
    path = nic.file('  - { pf: eth0, num_vfs: 4, vfs: [ { vf: "0-3", mac: auto } ] }\n')
    nic.tool("apply", path)
    macs = [vf["address"] for vf in nic.vfs()]
    assert len(set(macs)) == N_VFS
    nic.reset()
    nic.tool("apply", path)
    assert [vf["address"] for vf in nic.vfs()] == macs


def test_a_driver_that_binds_finds_the_address_that_was_declared(nic):
    """Else igbvf makes one up, and says so in the kernel's log."""
    nic.set_n_vfs(0)
    nic.do(f"echo 1 >{SYS}/{PF}/sriov_drivers_autoprobe; echo mark >/dev/kmsg")
    path = nic.file("  - pf: eth0\n    num_vfs: 2\n    vfs:\n"
                    + "".join(f'      - {{ vf: "{i}", mac: "{MACS[i]}", driver: igbvf }}\n'
                              for i in range(2)))
    nic.tool("apply", path)
    for i in range(2):
        assert nic.driver(VFS[i]) == "igbvf"
        assert nic.do(f"cat /sys/class/net/{nic.netdev(VFS[i])}/address").strip() == MACS[i]
    log = nic.do("dmesg").rsplit("mark", 1)[1]
    assert "Assigning random MAC" not in log
    assert "nothing to change" in nic.tool("apply", path)


def value_of(attribute):
    """A value for it that a VF has not by itself, and what iproute2 then says of it."""
    return {"mac": (MACS[6], ("address", MACS[6])),
            "vlan": ("33", ("vlan_list", [{"vlan": 33}])),
            "qos": ("5", ("vlan_list", [{"vlan": 8, "qos": 5}])),
            "vlan_proto": ("802.1ad", None),
            "spoofchk": ("false", ("spoofchk", False)), "trust": ("true", ("trust", True)),
            "link_state": ("enable", ("link_state", "enable")),
            "max_tx_rate": ("200", ("rate", {"max_tx": 200, "min_tx": 0})),
            "min_tx_rate": ("10", None), "query_rss": ("true", None)}[attribute]


ATTRIBUTES = table("doc/sriov.md", "attribute", "does", "igb")


@pytest.mark.parametrize("attribute, _, has", ATTRIBUTES, ids=[row[0] for row in ATTRIBUTES])
def test_what_the_page_says_of_igb_is_what_igb_does(nic, attribute, _, has):
    value, told = value_of(attribute)
    if attribute in ("qos", "vlan_proto"):  # nothing without a VLAN
        nic.tool("set", "eth0", "--vf", "0", "--vlan", "8")
    before = nic.vfs()
    words = ["set", "eth0", "--vf", "0", f"--{attribute.replace('_', '-')}", value]
    if has == "yes":
        nic.tool(*words)
        assert nic.vf()[told[0]] == told[1]
        assert "nothing to change" in nic.tool(*words)
    else:
        complaint = nic.tool(*words, status=1)
        assert attribute in complaint and "igb" in complaint
        assert nic.vfs() == before


def test_what_a_driver_refuses_leaves_nothing_half_done(nic):
    path = nic.file('  - { pf: eth0, num_vfs: 4, vfs: [ { vf: "0-2", vlan: 5, trust: true }, '
                    '{ vf: "3", link_state: disable } ] }\n')
    before = nic.vfs()
    complaint = nic.tool("apply", path, status=1)
    assert "link_state" in complaint and "igb" in complaint and "3" in complaint
    assert nic.vfs() == before


# Change under use


def test_another_number_of_vfs_is_refused_while_one_is_open_and_its_user_named(nic):
    nic.tool("bind", "eth0", "--vf", "2", "--driver", "vfio-pci")
    name, pid = nic.hold(VFS[2])
    path = nic.file("  - { pf: eth0, num_vfs: 2 }\n")
    try:
        assert name in json.dumps(nic.json("show", "eth0")["vfs"][2])
        complaint = nic.tool("apply", path, status=1)
        assert name in complaint and pid in complaint and "--allow-disruptive" in complaint
        assert nic.n_vfs() == N_VFS and nic.driver(VFS[2]) == "vfio-pci"
        assert name in nic.tool("plan", path)
        nic.tool("apply", path, "--allow-disruptive")
        assert nic.n_vfs() == 2
    finally:
        nic.end(pid)


def test_a_vf_goes_to_vfio_and_back(nic):
    for driver in ("vfio-pci", "igbvf", "vfio-pci", "none"):
        nic.tool("bind", "eth0", "--vf", "1", "--driver", driver)
        assert nic.driver(VFS[1]) == ("" if driver == "none" else driver)
        assert nic.driver(VFS[0]) == nic.driver(VFS[2]) == ""
        assert "nothing to change" in nic.tool("bind", "eth0", "--vf", "1", "--driver", driver)


def test_a_vf_that_is_open_stays_with_its_driver(nic):
    nic.tool("bind", "eth0", "--vf", "0", "--driver", "vfio-pci")
    name, pid = nic.hold(VFS[0])
    try:
        complaint = nic.tool("bind", "eth0", "--vf", "0", "--driver", "igbvf", status=1)
        assert name in complaint and pid in complaint
        assert nic.driver(VFS[0]) == "vfio-pci"
    finally:
        nic.end(pid)


def test_the_nic_of_the_default_route_is_touched_by_force_alone(nic):
    nic.do("ip addr add 192.0.2.1/24 dev eth0; ip route add default via 192.0.2.2")
    path = nic.file("  - { pf: eth0, num_vfs: 1 }\n")
    try:
        complaint = nic.tool("apply", path, "--allow-disruptive", status=1)
        assert "eth0" in complaint and "default route" in complaint and "--force" in complaint
        assert nic.n_vfs() == N_VFS
        nic.tool("apply", path, "--allow-disruptive", "--force")
        assert nic.n_vfs() == 1
    finally:
        nic.do("ip addr flush dev eth0")


# Keep


def is_kept(nic):
    try:
        assert_wanted(nic)
        return True
    except (AssertionError, ValueError):
        return False


def put_back_in_s(nic, change, probe):
    """How long the machine's own clock says that a change stays."""
    return float(nic.do(f"{change}; begin=$EPOCHREALTIME; while ! {probe}; do :; done; "
                        "echo $begin $EPOCHREALTIME | awk '{print $2 - $1}'"))


def test_what_another_tool_changes_is_put_back_within_a_second_and_logged(nic, watch):
    one = watch(nic.file(WANTED))
    one.waits_for(lambda: is_kept(nic), "the file is applied")
    took = [put_back_in_s(nic, "ip link set eth0 vf 0 vlan 7",
                          "ip link show eth0 | grep -q 'vf 0 .* vlan 100'") for _ in range(3)]
    assert min(took) < 1, took
    nic.do("ip link set eth0 vf 0 mac 02:00:00:00:02:99; ip link set eth0 vf 2 spoofchk on")
    one.waits_for(lambda: is_kept(nic), "mac and spoofchk are put back")
    log = one.log()
    assert re.search(r"vlan.*\b7\b", log) and "mac" in log and "spoofchk" in log, log
    assert one.stop() == 0
    assert_wanted(nic)


def test_vfs_and_drivers_that_somebody_takes_away_come_back(nic, watch):
    one = watch(nic.file(WANTED.replace("trust: false", "trust: false, driver: vfio-pci")))

    def is_whole():
        return (nic.n_vfs() == N_VFS and is_kept(nic) and
                {nic.driver(a) for a in VFS[:N_VFS]} == {"vfio-pci"})

    one.waits_for(is_whole, "the file is applied")
    nic.do(f"echo {VFS[3]} >/sys/bus/pci/drivers/vfio-pci/unbind")
    one.waits_for(is_whole, "the driver is back")
    nic.do(f"echo 0 >{SYS}/{PF}/sriov_numvfs", CHANGE_S)
    one.waits_for(is_whole, "VFs are back")


def test_a_driver_that_is_loaded_again_gets_everything_back(nic, watch):
    one = watch(nic.file(WANTED))
    one.waits_for(lambda: is_kept(nic), "the file is applied")
    nic.do("rmmod igb", CHANGE_S)
    nic.load("igb")
    nic.do("ip link set eth0 up; ip link set eth1 up")
    one.waits_for(lambda: nic.run(f"[ -e {SYS}/{PF}/virtfn3 ]")[0] == 0 and is_kept(nic),
                  "VFs and settings are back")


def test_a_service_that_starts_before_the_driver_applies_when_it_is_there(nic, watch):
    nic.do("rmmod igb", CHANGE_S)
    one = watch(nic.file(WANTED))
    one.waits_for(lambda: "eth0" in one.log(), "it says for what it waits")
    nic.load("igb")
    nic.do("ip link set eth0 up; ip link set eth1 up")
    one.waits_for(lambda: nic.run(f"[ -e {SYS}/{PF}/virtfn3 ]")[0] == 0 and is_kept(nic),
                  "the file is applied")


def test_a_nic_that_is_pulled_and_put_back_gets_everything_back(nic, watch):
    one = watch(nic.file(WANTED))
    one.waits_for(lambda: is_kept(nic), "the file is applied")
    nic.do(f"echo 1 >{SYS}/{PF}/remove", CHANGE_S)
    assert [pf["address"] for pf in nic.json("list")] == [OTHER, NVME]
    nic.do("echo 1 >/sys/bus/pci/rescan; ip link set eth0 up", CHANGE_S)
    one.waits_for(lambda: nic.run(f"[ -e {SYS}/{PF}/virtfn3 ]")[0] == 0 and is_kept(nic),
                  "VFs and settings are back")


def test_report_only_says_what_differs_and_touches_nothing(nic, watch):
    path = nic.file(WANTED)
    nic.tool("apply", path)
    one = watch(path, "--report-only")
    before = nic.vfs()
    nic.do("ip link set eth0 vf 0 vlan 7")
    one.waits_for(lambda: re.search(r"vlan.*\b7\b", one.log()), "the drift is logged")
    assert nic.vf()["vlan_list"] == [{"vlan": 7}] and nic.vfs()[1:] == before[1:]


# Pulled half-way


def test_a_nic_pulled_while_a_plan_is_done_is_one_line(nic):
    nic.set_n_vfs(0)
    path = nic.file(WANTED.replace("trust: false", "trust: false, driver: igbvf"))
    nic.do("echo mark >/dev/kmsg")
    nic.do(f"{SRIOV} apply {path} >/tmp/out 2>/tmp/err & applying=$!")
    # The kernel holds the removal back until it has made the VFs, so it comes right behind.
    wait_for(lambda: "VFs allocated" in nic.do("dmesg").rsplit("mark", 1)[1], CHANGE_S, "VFs", 0.05)
    nic.do(f"echo 1 >{SYS}/{PF}/remove", CHANGE_S)
    status, _ = nic.run("wait $applying", CHANGE_S)
    complaint = nic.do("cat /tmp/err")
    assert (status, complaint.count("\n")) in ((0, 0), (1, 1)), complaint
    assert "eth0" in nic.tool("apply", path, status=1)
    nic.do("echo 1 >/sys/bus/pci/rescan", CHANGE_S)
    assert listed(nic)["netdev"] == "eth0"


# Others than NICs


def test_vfs_of_a_controller_that_is_no_nic_are_made_and_what_it_has_not_is_refused(machine):
    path = machine.file(f'  - {{ pf: "{NVME}", num_vfs: 2, drivers_autoprobe: false }}\n')
    try:
        machine.tool("apply", path)
        assert machine.n_vfs(NVME) == 2 == listed(machine, NVME)["num_vfs"]
        assert "nothing to change" in machine.tool("apply", path)
        assert len(machine.json("show", NVME)["vfs"]) == 2
        complaint = machine.tool("set", NVME, "--vf", "0", "--vlan", "5", status=1)
        assert NVME in complaint and "'nvme'" in complaint and "driver" in complaint
    finally:
        machine.set_n_vfs(0, NVME)


# Traffic


@pytest.fixture
def hosts(nic):
    """VFs 0, 1 and 2, in namespaces h0, h1, h2 as interface v with 192.0.2.1N; all know all."""
    nic.tool("apply", nic.file("  - pf: eth0\n    num_vfs: 4\n    vfs:\n" + "".join(
        f'      - {{ vf: "{i}", mac: "{MACS[i]}", vlan: {vlan}, driver: igbvf }}\n'
        for i, vlan in enumerate((100, 100, 200)))))
    for i in range(3):
        nic.do(f"ip netns add h{i}; ip link set {nic.netdev(VFS[i])} netns h{i} name v; "
               f"ip -n h{i} addr add 192.0.2.1{i}/24 dev v; ip -n h{i} link set v up")
    for i in range(3):
        nic.do("".join(f"ip -n h{i} neigh replace 192.0.2.1{k} lladdr {MACS[k]} dev v; "
                       for k in range(3) if k != i))
        wait_for(lambda: nic.run(f"ip -n h{i} -br link show v | grep -q LOWER_UP")[0] == 0,
                 CHANGE_S, f"VF {i} has a link", 0.1)
    nic.wait_for_link()
    yield nic
    nic.do("for i in 0 1 2; do ip netns del h$i; done")


def is_reached(nic, a, b):
    status, _ = nic.run(f"ip netns exec h{a} ping -q -c 2 -i 0.2 -W 2 192.0.2.1{b}", 60)
    return status == 0


def test_vfs_on_one_vlan_reach_each_other_and_on_two_do_not(hosts):
    assert is_reached(hosts, 0, 1) and is_reached(hosts, 1, 0)
    assert not is_reached(hosts, 0, 2) and not is_reached(hosts, 2, 1)
    complaint = hosts.tool("set", "eth0", "--vf", "2", "--vlan", "100", status=1)
    assert "h2" in complaint and "--allow-disruptive" in complaint
    hosts.tool("set", "eth0", "--vf", "2", "--vlan", "100", "--allow-disruptive")
    assert is_reached(hosts, 0, 2) and is_reached(hosts, 2, 1)


def test_counters_of_vfs_are_those_of_iproute2(hosts):
    """igb counts nothing; what the counters come from is the unit tests'."""
    assert is_reached(hosts, 0, 1)
    ours = {vf["vf"]: vf for vf in hosts.json("stats", "eth0")}
    told = json.loads(hosts.do("ip -s -d -j link show eth0"))[0]["vfinfo_list"]
    for vf in told:
        assert ours[vf["vf"]]["rx_packets"] == vf["stats"]["rx"]["packets"]
        assert ours[vf["vf"]]["tx_packets"] == vf["stats"]["tx"]["tx_packets"]


def test_spoof_check_reaches_the_nic_and_an_untrusted_vf_cannot_take_another_address(hosts):
    """The emulated NIC keeps the bit, but lets forged frames pass: what a real one does by it is
    not to be seen here. That frames come through at all is shown beside it."""
    for wanted in ("false", "true"):
        hosts.tool("set", "eth0", "--vf", "0", "--spoofchk", wanted, "--allow-disruptive")
        assert (hosts.register(PF, DTXSWC) & 1 == 1) == (wanted == "true")
    forge = f"python3 {TOP}/tests/lib/forge.py h0 h1"
    assert hosts.do(f"{forge} {MACS[0]}").split() == [MACS[0]]
    status, output = hosts.run("ip -n h0 link set v address 02:00:00:00:02:66")
    assert status != 0 and "Cannot assign" in output
    assert hosts.vf()["address"] == MACS[0]
    hosts.tool("set", "eth0", "--vf", "0", "--trust", "true", "--allow-disruptive")
    hosts.do("ip -n h0 link set v address 02:00:00:00:02:66")
    assert hosts.vf()["address"] == "02:00:00:00:02:66"


# Bad input


REFUSED = {  # a file: what its complaint says
    "no such NIC": ("  - { pf: eth9, num_vfs: 1 }\n", ["eth9"]),
    "a NIC without VFs": ("  - { pf: lo, num_vfs: 1 }\n", ["lo"]),
    "more VFs than there are": ("  - { pf: eth0, num_vfs: 8 }\n", ["8", "7"]),
    "past the last VF": ('  - { pf: eth0, num_vfs: 4, vfs: [ { vf: "4", vlan: 1 } ] }\n', ["4"]),
    "multicast": ('  - { pf: eth0, num_vfs: 4, vfs: [ { vf: "0", mac: "01:00:5e:00:00:01" } ] }\n',
                  ["mac", "multicast"]),
    "zero": ('  - { pf: eth0, num_vfs: 4, vfs: [ { vf: "0", mac: "00:00:00:00:00:00" } ] }\n',
             ["mac"]),
    "vlan": ('  - { pf: eth0, num_vfs: 4, vfs: [ { vf: "0", vlan: 4096 } ] }\n', ["vlan", "409"]),
    "above the link": ('  - { pf: eth0, num_vfs: 4, vfs: [ { vf: "0", max_tx_rate: 1001 } ] }\n',
                       ["max_tx_rate", "1000"]),
    "min above max": ('  - { pf: eth0, num_vfs: 4, vfs: [ { vf: "0", min_tx_rate: 200, '
                      'max_tx_rate: 100 } ] }\n', ["min_tx_rate", "max_tx_rate"]),
    "no such driver": ('  - { pf: eth0, num_vfs: 4, vfs: [ { vf: "0", driver: nosuch } ] }\n',
                       ["nosuch"]),
    "switchdev": ("  - { pf: eth0, num_vfs: 4, eswitch: switchdev }\n", ["eswitch"]),
    "vectors": ('  - { pf: eth0, num_vfs: 4, vfs: [ { vf: "0", msix_vectors: 4 } ] }\n',
                ["msix_vectors"]),
    "no such key": ("  - { pf: eth0, nmu_vfs: 4 }\n", ["nmu_vfs"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_in_one_line_and_nothing_is_changed(nic, name):
    text, said = REFUSED[name]
    before = nic.vfs()
    complaint = nic.tool("apply", nic.file(text), status=1)
    assert all(word in complaint for word in said), complaint
    assert nic.vfs() == before and nic.n_vfs() == N_VFS


# The page


def test_the_walk_through_of_the_page_runs(nic):
    nic.set_n_vfs(0)
    nic.do(f"mkdir -p /tmp/walk; cd /tmp/walk; shunt() {{ {SHUNT} \"$@\"; }}")
    nic.do("systemctl() { true; }")
    steps = [text for info, text in blocks("doc/sriov.md") if info == "sh sriov"]
    assert len(steps) >= 3
    output = ""
    for text in steps:
        nic.write("/tmp/walk/step", text)
        output = nic.do("(set -e; . /tmp/walk/step)", CHANGE_S)
    assert "nothing to change" in output
    assert nic.vf()["address"] == MACS[0] and nic.vf(1)["vlan_list"] == [{"vlan": 200}]
    assert nic.driver(VFS[0]) == nic.driver(VFS[1]) == "vfio-pci"
    nic.do("cd /; unset -f shunt systemctl")
