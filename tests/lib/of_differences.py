# SPDX-License-Identifier: BSD-3-Clause
"""Where Shunt answers or forwards otherwise than Open vSwitch and is meant to: the one table, and
doc/openflow-differences.md made of it (python3 tests/lib/of_differences.py > the page)."""

import re
from dataclasses import dataclass

ONF = "error experimenter 4f4e4600"
FLOWS = "flows|aggregate"  # what a frame that one side dropped does to the counters


@dataclass
class Accepted:
    """where: [(script, step, what Shunt alone says, what Open vSwitch alone says)], all of them
    patterns of the whole; the last two of the lines of which the other side has none."""
    what: str
    shunt: str
    ovs: str
    reason: str
    where: list


def errors(script, step, shunt, ovs):
    """Codes as type/code; "" is no error."""
    return (script, step, f"error ({shunt})" if shunt else "", f"error ({ovs})" if ovs else "")


ACCEPTED = [
    # matches
    Accepted(
        "A field of a match that has a wrong length",
        "BAD_MATCH BAD_LEN", "BAD_MATCH BAD_FIELD or BAD_WILDCARDS",
        "The standard has BAD_LEN for it (7.4.4.5); Open vSwitch looks fields up by number and "
        "length together.",
        [errors("wrong match .*", "too short|too long|length says mask", "4/1", "4/6|4/5"),
         errors("wrong match, others", "class 0x0|field 41|field 43", "4/1", "4/6")]),
    Accepted(
        "A match of another type than OXM", "BAD_MATCH BAD_TYPE", "BAD_MATCH BAD_LEN",
        "The standard has BAD_TYPE for it (7.4.4.5).",
        [errors("wrong match, others", "match type 0", "4/0", "4/1")]),
    Accepted(
        "A match field under a mask of zeros", "is no part of the match",
        "reads back as a match on packet_type, or takes its prerequisite away with it",
        "A mask of zeros is the same as no field (7.2.3.5).",
        [("wrong match (eth_dst|eth_src|eth_type|vlan_vid|vlan_pcp|nx_vlan_tci)", "flows", ".*",
          ".*8000580400000000.*")]),
    Accepted(
        "arp_op beyond 255", "is matched and set", "BAD_VALUE and BAD_SET_ARGUMENT",
        "The field has 16 bits.",
        [errors("wrong match (nx_)?arp_op", "all ones", "", "4/7"),
         errors("wrong set arp_op", "all ones", "", "2/15")]),
    Accepted(
        "ipv6_exthdr, PBB and copying TTLs", "are there", "BAD_FIELD, BAD_TYPE, BAD_SET_TYPE or "
        "BAD_SET_LEN", "Open vSwitch does not have them.",
        [errors("wrong match, others", "field 39", "4/9", "4/6"),
         errors("set what cannot be set", "pbb_isid", "", "2/14"),
         errors("set what cannot be set", "in_phy_port|ipv6_exthdr", "2/15", "2/14"),
         errors("copy ttl (in|out)", "flow", "", "2/0"),
         ("copy ttl (in|out)", ".*", "(?s).*", ""),
         ("copy ttl (in|out)", FLOWS, "(?s).*", ".*"),
         errors("wrong tags", "copy ttl .*|pop pbb", "2/10", "2/0"),
         errors("wrong tags", "push pbb", "", "2/0"),
         errors("an action set of tags and labels", "1", "", "2/0")]),
    Accepted(
        "A mask of ones in all 12 bits of tcp_flags", "reads back as an exact match",
        "reads back as a mask", "They are the same; the field has 12 bits.",
        [("match nx_tcp_flags masked", "flows", ".*ffff54064f4e46000002 .*",
          ".*ffff55084f4e460000020fff .*")]),
    # frames
    Accepted(
        "A frame that ends inside of its VLAN tag", "is dropped as malformed",
        "has the Ethernet type 0x8100", "There is no tag to see; nobody can use such a frame.",
        [("match .*", "vlan cut", "", "port 2: 02000000000b02000000000a81000064"),
         ("match .*", FLOWS, ".*", ".*")]),
    Accepted(
        "Transport ports of a first fragment", "match", "are 0",
        "The first fragment has them; the standard's NORMAL is no special treatment (7.3.2).",
        [("match (udp_src|udp_dst)( masked)?|match udp6", "(udp6 )?first fragment", "port 2: .*",
          ""),
         ("match (udp_src|udp_dst)( masked)?|match udp6", FLOWS, ".*", ".*")]),
    Accepted(
        "An IPv4 header whose protocol is 0", "is changed as any other", "is left as it is",
        "0 is a protocol (hop-by-hop options); Open vSwitch takes it for no header.",
        [("(write )?set ip.*|set ip ttl.*|.*dec ttl.*|move (ip to ip|part|load t(os|tl))", "proto 0",
          "(?s)port .*", "(?s)port .*")]),
    Accepted(
        "A later fragment whose address is changed", "keeps its payload",
        "is changed where a TCP or UDP header would have its checksum",
        "A later fragment has no such header.",
        [("(write )?set ipv4_(src|dst)|move ip to ip|move part",
          "later fragment|last fragment tcp", "(?s)port .*", "(?s)port .*")]),
    Accepted(
        "ARP of another hardware than Ethernet", "has no ARP fields, so none is set",
        "has its operation set", "Its fields lie elsewhere; neither of both matches on them.",
        [("(write )?set arp_op|move arp op", "arp of other kind", "(?s)port .*00010a.*",
          "(?s)port .*00020a.*")]),
    Accepted(
        "Frames of LLC/SNAP that get a label", "have it behind the SNAP header",
        "lose their length field", "The frame is still an 802.3 frame.",
        [("push mpls.*|vlan then mpls", "snap", "port 2: .{24,32}00(48|44)aaaa03.*",
          "port 2: .*")]),
    # actions
    Accepted(
        "push_vlan on a tagged frame", "copies VID and PCP of the outer tag", "writes 0",
        "Table 8 of the standard (5.8).",
        [("push vlan|push vlan ad|push two vlans|vlan then mpls|an action set in its order",
          ".*vlan.*", "port .*", "port .*")]),
    Accepted(
        "pop_mpls to another type than MPLS, above more labels", "pops one", "pops all of them",
        "The outermost is popped (5.12); what the frame then is was the controller's word.",
        [("pop mpls to ip above a label|mixture .*", "two labels.*",
          "port .: .{24}0800.{8}45.*", "port .: .{24}080045.*")]),
    Accepted(
        "Frames with three tags", "keep them", "lose inner ones when a tag is pushed",
        "Open vSwitch looks at two (vlan-limit).",
        [("push vlan|push vlan ad|push two vlans|vlan then mpls", "(two|two customer|three) vlans",
          "port .*", "port .*")]),
    Accepted(
        "set-field whose value has bits outside of its mask",
        "experimenter error ONF 4250 (BAD_SET_MASK)", "BAD_MATCH BAD_WILDCARDS",
        "OpenFlow 1.3 has no mask there at all, so that is what is told.",
        [("wrong set .*|wrong load2 and output_reg", "value outside of the mask",
          "error experimenter 4f4e4600 4250", "error 4/5")]),
    Accepted(
        "Nicira's reg_load2", "reads back as set-field or reg_load", "reads back as reg_load2",
        "They say the same; a flow keeps what it does, not how it was said.",
        [("load2 .*", "flows", ".*", ".*00002320002100.*")]),
    Accepted(
        "set-field of a field without bytes", "BAD_ACTION BAD_SET_LEN", "BAD_ACTION BAD_SET_TYPE",
        "The standard has BAD_SET_LEN for it (7.4.4.3).",
        [errors("wrong set .*", "too short", "2/14", "2/13")]),
    Accepted(
        "set-field of a field of no class", "BAD_ACTION BAD_SET_TYPE", "BAD_ACTION BAD_SET_LEN",
        "The standard has BAD_SET_TYPE for it (7.4.4.3).",
        [errors("wrong actions, .*", "set-field of unknown class", "2/13", "2/14")]),
    Accepted(
        "set-field of Nicira's in_port, vlan_tci and ip_tos", "BAD_ACTION BAD_SET_TYPE",
        "are set, or BAD_SET_ARGUMENT",
        "They hold two fields or half of one; load and move know them.",
        [errors("set what cannot be set", "nx_vlan_tci|nx_in_port|nx_ip_tos", "2/13", "2/15"),
         errors("set what cannot be set", "nx_vlan_tci|nx_in_port", "2/13", "")]),
    Accepted(
        "eth_type, ip_proto and mpls_bos", "are written as any other field",
        "BAD_SET_ARGUMENT", "The standard excepts no field of a header (7.2.5).",
        [errors("set what cannot be set", "eth_type|ip_proto|mpls_bos", "", "2/15"),
         errors("wrong actions, .*", "(load|move to) eth_type", "", "2/15"),
         errors("wrong load2 and output_reg", "eth_type", "", "2/15")]),
    Accepted(
        "load of all of vlan_tci", "BAD_ACTION BAD_SET_LEN", "sets VID and PCP, or pushes a tag",
        "It is two fields; load of each, set-field and push_vlan do the same.",
        [errors("move vlan tci", "flow", "2/14", ""), ("move vlan tci", ".*", "", "(?s).*"),
         ("move vlan tci", FLOWS, ".*", ".*")]),
    Accepted(
        "Action 1, OpenFlow 1.1's set-VLAN", "BAD_ACTION BAD_TYPE", "is known",
        "OpenFlow 1.3 has no such action.",
        [errors("wrong actions, .*", "type 1", "2/0", "2/10"),
         errors("wrong actions, .*", "type 1", "2/0", "")]),
    Accepted(
        "Output to port 0", "BAD_ACTION BAD_OUT_PORT", "is accepted",
        "Ports begin at 1 (7.2.1).",
        [errors("wrong actions, .*", "output to 0x0", "2/4", ""),
         errors("wrong groups", "output to 0", "2/4", "")]),
    Accepted(
        "A bad conjunction in write-actions", "BAD_ACTION BAD_TYPE", "Nicira's BAD_CONJUNCTION",
        "No conjunction is allowed there, a good one neither.",
        [("wrong actions, write", "conjunction .*", "error 2/0",
          "error experimenter 00002320 15")]),
    Accepted(
        "fin_timeout in a group", "BAD_ACTION BAD_TYPE", "is accepted",
        "A bucket has no timeouts, and does not say whose are meant.",
        [errors("wrong fin_timeouts", "in a bucket", "2/0", ""),
         ("wrong fin_timeouts", "groups|group counters", "", "(?s).*")]),
    Accepted(
        "resubmit to this very table by number 255", "reads back without a table",
        "reads back with the number", "Both forms mean the same.",
        [("resubmit with another in_port", "flows", ".*", ".*")]),
    # instructions
    Accepted(
        "goto to a table beyond the last", "BAD_INSTRUCTION BAD_TABLE_ID", "is accepted",
        "There are 254 tables, as both say in their features (7.4.4.4).",
        [errors("instructions.*", "goto 25[45]", "3/2", ""),
         errors("goto out of the last table", "254", "3/2", "")]),
    Accepted(
        "An instruction twice", "BAD_INSTRUCTION 9 (DUP_INST)", "experimenter error ONF 2600",
        "The code that the later standards gave it, which controllers of 1.3 print.",
        [("instructions", ".* twice", "error 3/9", "error experimenter 4f4e4600 2600")]),
    Accepted(
        "write-actions without actions", "reads back", "is dropped from the flow",
        "It does nothing; the flow is what was asked for.",
        [("instructions", "flows", ".*0003000800000000", ".*instructions=")]),
    Accepted(
        "A frame that goes to a table where no flow matches", "is dropped",
        "has its action set done", "Without a table-miss flow it is dropped (5.4).",
        [("a chain to a table without flows", "udp|mpls", "", "port 2: .*")]),
    Accepted(
        "A packet-in by the action set of a table-miss flow",
        "has that flow's reason, table and cookie", "has reason ACTION, table 0 and cookie 0",
        "The flow that wrote the action sent it.",
        [("a miss in a later table", "udp|mpls", "packet-in .*reason=0 table=4 cookie=0x8 .*",
          "packet-in .*reason=1 table=0 cookie=0x0 .*")]),
    Accepted(
        "packet-out without a frame, or with less than an Ethernet header",
        "BAD_REQUEST BAD_PACKET", "nothing is said",
        "Nothing can be sent, and whoever asked should know. Without actions either, nothing was "
        "to be sent, and neither of both says a word.",
        [errors("packet-out", "without a frame", "1/12", ""),
         errors("packet-out", "short frame", "1/12", "")]),
    # flow-mods
    Accepted(
        "A flow-mod for table 254", "FLOW_MOD_FAILED BAD_TABLE_ID", "BAD_REQUEST EPERM",
        "There is no such table; Open vSwitch hides flows of its own there.",
        [errors("flow-mod .*", "(add|modify|delete) table 254", "5/2", "1/5"),
         errors("flow-mod .*", "unknown command and table", "5/2", "5/6"),
         ("in a bundle no such table", "messages", "2 error 5/2", "2 error 1/5")]),
    Accepted(
        "A modify that finds no flow, to a group that is not there", "BAD_ACTION BAD_OUT_GROUP",
        "nothing is said", "The actions are wrong, whatever flows there are.",
        [errors("flow-mod .*", "modify what is not there to no group", "2/9", "")]),
    Accepted(
        "Statistics of table 254", "BAD_REQUEST BAD_TABLE_ID", "Open vSwitch's own hidden flows",
        "There is no such table.",
        [("flow statistics", "(flows|sum) table 254", "error 1/9", "(?s).*")]),
    # groups
    Accepted(
        "A group that names one that is not there, or itself",
        "BAD_OUT_GROUP, BAD_WATCH, LOOP", "is accepted", "The standard's errors (7.4.4.7).",
        [errors("wrong actions, bucket", "group (any|that is not there)", "2/9", ""),
         errors("groups in groups", "not there", "2/9", ""),
         errors("groups in groups", "self", "6/7", ""),
         errors("a loop of groups", "loop", "6/7", ""),
         ("a loop of groups", "groups|group counters", ".*", ".*"),
         errors("wrong groups", "ff watches unknown group", "6/13", "")]),
    Accepted(
        "A select group none of whose buckets has a weight", "INVALID_GROUP", "is accepted",
        "It could never select a bucket; one without buckets drops, and is accepted.",
        [errors("wrong groups", "select without weights", "6/1", "")]),
    Accepted(
        "Groups that refer to a group", "are counted in its ref_count, and keep it",
        "are not; it can be deleted", "ref_count is of flows or groups; CHAINED_GROUP is the error "
        "for a deletion (7.3.5.9, 7.4.4.7).",
        [("groups in groups", "group counters", "(?s).*refs=1.*", "(?s).*refs=0.*"),
         errors("a group that another needs", "delete", "6/9", ""),
         ("a group that another needs", "groups|group counters", "(?s).+", "")]),
    Accepted(
        "A select or fast-failover group without a bucket to take", "counts the frame",
        "does not", "The group has processed it (7.3.5.9).",
        [("group (select|ff) of none.*", "group counters", ".* counters=\\(4, 325\\) .*",
          ".* counters=\\(0, 0\\) .*")]),
    Accepted(
        "group-mod MODIFY of all groups, and command 3", "INVALID_GROUP, BAD_COMMAND",
        "UNKNOWN_GROUP", "ALL is for DELETE alone; 3 is a command of OpenFlow 1.5.",
        [errors("wrong groups", "modify all", "6/1", "6/8"),
         errors("wrong groups", "command 3", "6/11", "6/8")]),
    Accepted(
        "Group features", "fewer groups; all actions", "2^32 - 256 groups; no PBB or copy-TTL",
        "What each can do.",
        [("group requests|requests", "features|multipart 8 of 0", "multipart 8 .*",
          "multipart 8 .*")]),
    Accepted(
        "A group that is modified", "keeps its counters; those of its buckets begin anew",
        "all of them begin anew", "The buckets are others, the group is the same.",
        [("group changes", "counters", ".* counters=\\(8, 650\\) .*",
          ".* counters=\\(4, 325\\) .*"),
         ("bundle done.*: group changed", "group counters", ".*=\\(2, 186\\) .*",
          ".*=\\(1, 93\\) .*")]),
    # meters
    Accepted(
        "DSCP-remark bands, meter features", "are there", "BAD_BAND",
        "Open vSwitch's userspace datapath has drop bands alone, and at most 8 of them.",
        [errors("meters", "dscp.*", "", "12/8"),
         ("meters", "features", "multipart 11 .*", "multipart 11 .*"),
         ("meters", "config 0x4", "[0-9a-f]*", "error 12/3")]),
    Accepted(
        "A meter without a flag for its unit, or without bands", "is in kbps, or limits nothing",
        "BAD_FLAGS, OUT_OF_BANDS",
        "The unit is kbps unless PKTPS is said; any number of bands is allowed (7.3.4.5).",
        [errors("meters", "flags 0", "", "12/5"), errors("meters", "no bands", "", "12/11")]),
    Accepted(
        "A burst of 0", "reads back as 0", "reads back as the rate",
        "What was asked for reads back; both have a burst to count by.",
        [("meters", "meters", ".*0000000a00000000(00000000)?", ".*0000000a0000000a(00000000)?")]),
    Accepted(
        "The meter for the slow path", "INVALID_METER", "is accepted",
        "There is no slow path.",
        [errors("meters", "number slow path", "12/2", "")]),
    # other requests
    Accepted(
        "A message that only a switch sends", "BAD_REQUEST BAD_TYPE", "BAD_REQUEST BAD_LEN when it "
        "has a wrong length", "Whatever its length, it is no request (7.4.4.1).",
        [errors("requests that are cut", "type (6|8|10|11|12|19|21|23|25|27) of .*", "1/1",
                "1/6")]),
    Accepted(
        "A message of another version after the hello", "BAD_REQUEST BAD_VERSION",
        "an echo is answered", "The version was agreed on (6.3.1).",
        [("requests", "version (1|5)", "error 1/0", "type 3 .*")]),
    Accepted(
        "set-config of Open vSwitch's fragment handling nx-match (3)",
        "SWITCH_CONFIG_FAILED BAD_FLAGS", "is accepted",
        "The standard has normal, drop and reassemble; fields of Nicira's match fragments anyway.",
        [errors("requests", "config nx-match", "10/0", "")]),
    Accepted(
        "Description", "Shunt's", "Open vSwitch's", "Each says what it is.",
        [("requests that are cut", "type 18 of 8", "multipart 0 5368756e74.*", "multipart 0 .*")]),
    Accepted(
        "Table features that are written, with a wrong body", "TABLE_FEATURES_FAILED EPERM",
        "TABLE_FEATURES_FAILED BAD_LEN", "They cannot be written, whatever stands there.",
        [errors("requests", "multipart 12 of (8|40)", "13/5", "13/3")]),
    Accepted(
        "Statistics of a port that is not there", "BAD_REQUEST BAD_PORT", "an empty list",
        "The standard has BAD_PORT for it (7.4.4.1).",
        [errors("requests", "port (9|controller)", "1/11", ""),
         ("requests", "port (9|controller)", "error 1/11", "multipart 4 ?")]),
    Accepted(
        "Queues", "none", "a queue 0 on each port", "Shunt has no queues to count.",
        [("requests", "queue all", "multipart 5 ?", "multipart 5 .*"),
         ("requests", "queues of (1|any)", "type 23 .*", "type 23 .*")]),
    Accepted(
        "table-mod of table 254, or with bits beyond 3",
        "TABLE_MOD_FAILED BAD_TABLE, BAD_CONFIG", "EPERM, or accepted",
        "There is no such table; the other bits have no meaning (7.3.4.1).",
        [errors("requests", "table-mod 254", "8/0", "8/2"),
         errors("requests", "table-mod unknown bits", "8/1", "")]),
    Accepted(
        "A port-mod with bits that mean nothing", "PORT_MOD_FAILED BAD_CONFIG", "is accepted",
        "It is not what was asked for (7.4.4.8).",
        [errors("port-mods in no bundle", "of unknown bits", "7/2", "")]),
    Accepted(
        "A multipart request in parts (MORE)", "MULTIPART_BUFFER_OVERFLOW", "is put together",
        "No request that is answered here needs more than one part.",
        [errors("requests", "more to come", "1/13", "")]),
    # bundles
    Accepted(
        "A bundle of flags that nobody knows", "BUNDLE_FAILED BAD_FLAGS", "is opened",
        "Nobody knows what was asked for (OpenFlow 1.4, 7.3.9.2).",
        [("bundles of unknown flags and kinds", "flags .*", f"0 {ONF} 2307\n1 {ONF} 2302",
          "0 type 4 .*\n1 type 4 .*"),
         ("bundles of unknown flags and kinds", "added with flags .*",
          f"0 {ONF} 2307\n1 {ONF} 2302", "1 type 4 .*")]),
    Accepted(
        "A bundle control of a type that nobody knows", "BUNDLE_FAILED BAD_TYPE",
        "a reply of type 0", "Nothing was done that could be confirmed (OpenFlow 1.4, 7.3.9.2).",
        [("bundles of unknown flags and kinds", "kind (8|65535)", f"1 {ONF} 2306",
          "1 type 4 .*0000000100000000")]),
    Accepted(
        "A message of another version in a bundle", "BUNDLE_FAILED MSG_UNSUP",
        "an error of Nicira's", "ONF's extension has no error of its own for it.",
        [("in a bundle another version", "messages", f"2 {ONF} 2310",
          "2 error experimenter 00002320 .*")]),
    Accepted(
        "A flow-mod of a header alone in a bundle", "BAD_REQUEST BAD_LEN",
        "BUNDLE_FAILED MSG_UNSUP", "It may be in a bundle, and is too short.",
        [("in a bundle a header alone", "messages", "2 error 1/6", f"2 {ONF} 2310")]),
    Accepted(
        "A flow-mod or packet-out of a buffer in a bundle", "BUFFER_UNKNOWN, and nothing is done",
        "the buffer is overlooked", "Outside of bundles both answer BUFFER_UNKNOWN.",
        [("in a bundle (packet-out of a )?buffer", "messages", f"3 {ONF} 2313|2 error .*\n.*",
          "3 type 4 .*"),
         ("in a bundle (packet-out of a )?buffer", "udp|flows then|" + FLOWS, ".*", "(?s).*")]),
    Accepted(
        "A port-mod in a bundle that is flagged atomic", "is done, or undone with the rest",
        "BUNDLE_FAILED MSG_FAILED", "The standard lets a port-mod be in any bundle.",
        [("bundle done atomic( and ordered)?: port-mod.*", "messages", ".*",
          f"1 {ONF} 2313(\n3 {ONF} 2313)?"),
         ("bundle done atomic( and ordered)?: port-mod", "ports|udp|flows then|" + FLOWS,
          "(?s).*", ".*")]),
    Accepted(
        "More than 256 open bundles of a connection", "BUNDLE_FAILED OUT_OF_BUNDLES",
        "are opened", "What a connection can hold is bounded.",
        [("more bundles than a connection has", "one more", f"0 {ONF} 2305", "0 type 4 .*")]),
]

HEAD = """<!-- made by tests/lib/of_differences.py -->
# Where Shunt differs from Open vSwitch

`tests/integration/test_of_differential.py` gives Shunt and Open vSwitch 3.1 (userspace datapath)
the same messages and frames, and compares what each answers, forwards and counts. These are all the
differences that it accepts; sections are those of OpenFlow 1.3.5. What a barrier's reply means is
none of them, since the test waits for Open vSwitch: there it does not mean that frames are
forwarded by what came before.

| what | Shunt | Open vSwitch | why |
| --- | --- | --- | --- |
"""


def page():
    rows = [f"| {a.what} | {a.shunt} | {a.ovs} | {a.reason} |\n" for a in ACCEPTED]
    return HEAD + "".join(rows)


def accepted(script, difference):
    """The rows of the table, by number, that allow a difference of a script."""
    ours = "\n".join(line for line in difference.shunt if line not in difference.ovs)
    theirs = "\n".join(line for line in difference.ovs if line not in difference.shunt)
    found = (script, difference.step, ours, theirs)
    return [i for i, a in enumerate(ACCEPTED) for where in a.where
            if all(re.fullmatch(pattern, text) for pattern, text in zip(where, found))]


if __name__ == "__main__":
    print(page(), end="")
