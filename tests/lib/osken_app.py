# SPDX-License-Identifier: BSD-3-Clause
"""An application of os-ken that uses what a large controller would, on a bridge of ports 1 to 3, and
writes all it hears to the file $SHUNT_REPORT, one JSON object a line.

Port 1 goes through a meter and a group to 2 and 3; port 2 comes here, and its frames leave by 1;
port 3 has a flow of one second whose end is to be told."""

import json
import os

from os_ken.base.app_manager import OSKenApp
from os_ken.controller import ofp_event
from os_ken.controller.handler import (CONFIG_DISPATCHER, HANDSHAKE_DISPATCHER, MAIN_DISPATCHER,
                                       set_ev_cls)
from os_ken.ofproto import ofproto_v1_3

GROUP, METER, RATE = 7, 5, 4
GENERATION, COOKIE = 11, 0x1234


def report(what, **fields):
    with open(os.environ["SHUNT_REPORT"], "a") as f:
        f.write(json.dumps({"what": what, **fields}) + "\n")


class Everything(OSKenApp):
    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def on_features(self, event):
        dp = event.msg.datapath
        ofp, make = dp.ofproto, dp.ofproto_parser
        report("features", dpid=f"{event.msg.datapath_id:016x}", tables=event.msg.n_tables)
        dp.send_msg(make.OFPRoleRequest(dp, ofp.OFPCR_ROLE_MASTER, GENERATION))
        band = make.OFPMeterBandDrop(rate=RATE, burst_size=RATE)
        dp.send_msg(make.OFPMeterMod(dp, ofp.OFPMC_ADD, ofp.OFPMF_PKTPS, METER, [band]))
        buckets = [make.OFPBucket(watch_port=ofp.OFPP_ANY, watch_group=ofp.OFPG_ANY,
                                  actions=[make.OFPActionOutput(port)]) for port in (2, 3)]
        dp.send_msg(make.OFPGroupMod(dp, ofp.OFPGC_ADD, ofp.OFPGT_ALL, GROUP, buckets))
        self.add_flow(dp, 1, [make.OFPActionGroup(GROUP)],
                      [make.OFPInstructionMeter(METER, ofp.OFPIT_METER)])
        self.add_flow(dp, 2, [make.OFPActionOutput(ofp.OFPP_CONTROLLER, ofp.OFPCML_NO_BUFFER)])
        self.add_flow(dp, 3, [], hard_timeout=1, flags=ofp.OFPFF_SEND_FLOW_REM, cookie=COOKIE)
        dp.send_msg(make.OFPBarrierRequest(dp))

    @staticmethod
    def add_flow(dp, port, actions, more=(), **fields):
        make = dp.ofproto_parser
        apply = make.OFPInstructionActions(dp.ofproto.OFPIT_APPLY_ACTIONS, actions)
        dp.send_msg(make.OFPFlowMod(dp, priority=100, match=make.OFPMatch(in_port=port),
                                    instructions=[*more, apply], **fields))

    @set_ev_cls(ofp_event.EventOFPBarrierReply, [CONFIG_DISPATCHER, MAIN_DISPATCHER])
    def on_barrier(self, event):
        report("barrier")

    @set_ev_cls(ofp_event.EventOFPRoleReply, [CONFIG_DISPATCHER, MAIN_DISPATCHER])
    def on_role(self, event):
        report("role", role=event.msg.role, generation_id=event.msg.generation_id)

    @set_ev_cls(ofp_event.EventOFPErrorMsg, [HANDSHAKE_DISPATCHER, CONFIG_DISPATCHER,
                                             MAIN_DISPATCHER])
    def on_error(self, event):
        report("error", type=event.msg.type, code=event.msg.code)

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def on_packet_in(self, event):
        msg, dp = event.msg, event.msg.datapath
        make = dp.ofproto_parser
        report("packet_in", in_port=msg.match["in_port"], reason=msg.reason, data=msg.data.hex(),
               total_len=msg.total_len)
        dp.send_msg(make.OFPPacketOut(dp, buffer_id=dp.ofproto.OFP_NO_BUFFER,
                                      in_port=msg.match["in_port"], data=msg.data,
                                      actions=[make.OFPActionOutput(1)]))
        dp.send_msg(make.OFPGroupStatsRequest(dp, 0, GROUP))
        dp.send_msg(make.OFPGroupDescStatsRequest(dp))
        dp.send_msg(make.OFPMeterStatsRequest(dp, 0, METER))
        dp.send_msg(make.OFPMeterConfigStatsRequest(dp, 0, METER))
        dp.send_msg(make.OFPPortDescStatsRequest(dp))

    @set_ev_cls(ofp_event.EventOFPPortStatus, MAIN_DISPATCHER)
    def on_port_status(self, event):
        desc = event.msg.desc
        report("port_status", reason=event.msg.reason, port=desc.port_no, name=desc.name.decode(),
               is_down=bool(desc.state & event.msg.datapath.ofproto.OFPPS_LINK_DOWN),
               is_disabled=bool(desc.config & event.msg.datapath.ofproto.OFPPC_PORT_DOWN))

    @set_ev_cls(ofp_event.EventOFPFlowRemoved, MAIN_DISPATCHER)
    def on_flow_removed(self, event):
        msg = event.msg
        report("flow_removed", cookie=msg.cookie, reason=msg.reason, in_port=msg.match["in_port"],
               n_packets=msg.packet_count)

    @set_ev_cls(ofp_event.EventOFPGroupStatsReply, MAIN_DISPATCHER)
    def on_group_stats(self, event):
        for group in event.msg.body:
            report("group_stats", group=group.group_id, refs=group.ref_count,
                   n_packets=group.packet_count,
                   buckets=[bucket.packet_count for bucket in group.bucket_stats])

    @set_ev_cls(ofp_event.EventOFPGroupDescStatsReply, MAIN_DISPATCHER)
    def on_group_desc(self, event):
        for group in event.msg.body:
            report("group_desc", group=group.group_id, type=group.type,
                   ports=[bucket.actions[0].port for bucket in group.buckets])

    @set_ev_cls(ofp_event.EventOFPMeterStatsReply, MAIN_DISPATCHER)
    def on_meter_stats(self, event):
        for meter in event.msg.body:
            report("meter_stats", meter=meter.meter_id, flows=meter.flow_count,
                   n_packets=meter.packet_in_count,
                   n_dropped=meter.band_stats[0].packet_band_count)

    @set_ev_cls(ofp_event.EventOFPMeterConfigStatsReply, MAIN_DISPATCHER)
    def on_meter_config(self, event):
        for meter in event.msg.body:
            report("meter_config", meter=meter.meter_id, flags=meter.flags,
                   rate=meter.bands[0].rate)

    @set_ev_cls(ofp_event.EventOFPPortDescStatsReply, MAIN_DISPATCHER)
    def on_port_desc(self, event):
        report("port_desc", ports={port.name.decode(): port.port_no for port in event.msg.body})
