# SPDX-License-Identifier: BSD-3-Clause
"""An application of os-ken that makes a switch learn, as the framework's own examples do: unknown
addresses flood from the controller, known ones get a flow."""

from os_ken.base.app_manager import OSKenApp
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib.packet import ethernet, packet
from os_ken.ofproto import ofproto_v1_3


class LearningSwitch(OSKenApp):
    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.places = {}

    @staticmethod
    def add_flow(dp, priority, match, out, max_len=0):
        actions = [dp.ofproto_parser.OFPActionOutput(out, max_len)]
        apply = dp.ofproto_parser.OFPInstructionActions(dp.ofproto.OFPIT_APPLY_ACTIONS, actions)
        dp.send_msg(dp.ofproto_parser.OFPFlowMod(dp, priority=priority, match=match,
                                                 instructions=[apply]))

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def on_features(self, event):
        dp = event.msg.datapath
        self.add_flow(dp, 0, dp.ofproto_parser.OFPMatch(), dp.ofproto.OFPP_CONTROLLER,
                      dp.ofproto.OFPCML_NO_BUFFER)

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def on_packet_in(self, event):
        msg, dp = event.msg, event.msg.datapath
        came = msg.match["in_port"]
        header = packet.Packet(msg.data).get_protocol(ethernet.ethernet)
        self.places[dp.id, header.src] = came
        out = self.places.get((dp.id, header.dst), dp.ofproto.OFPP_FLOOD)
        if out != dp.ofproto.OFPP_FLOOD:
            match = dp.ofproto_parser.OFPMatch(in_port=came, eth_src=header.src,
                                               eth_dst=header.dst)
            self.add_flow(dp, 1, match, out)
        dp.send_msg(dp.ofproto_parser.OFPPacketOut(
            dp, buffer_id=msg.buffer_id, in_port=came,
            actions=[dp.ofproto_parser.OFPActionOutput(out)],
            data=msg.data if msg.buffer_id == dp.ofproto.OFP_NO_BUFFER else None))
