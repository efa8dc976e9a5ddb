/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The XDP program of an interface that the switch shares with the host: decides for each frame
 * whether the kernel, the switch or both get it (doc/uplinks.md). A second program, on a packet
 * socket, picks the switch's copies out of what the kernel got. Both read what shuntd writes into
 * the variables and maps below; they keep nothing and answer nothing.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "xdp_shared.h"

#define VID_MASK    0xfff
#define WHOLE_FRAME 0x40000

struct vlan_tag {
	__be16 tci, next;
};

/* Written by shuntd, each word at once. */
volatile __u32 host;          /* enum xdp_host */
volatile __u64 own_mac;       /* address << 16, as in the switch's keys */
volatile __u32 untagged_vlan; /* the switch's VLAN of untagged frames */
volatile __u32 speaks_slow;   /* not 0: slow protocols, LACP, are the switch's alone */

/* Not variables: to index them takes CAP_PERFMON. Written by shuntd, each word at once. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, XDP_VLAN_WORDS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct xdp_vlans);
} vlans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, XDP_MAX_SOCKETS);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

/* Addresses on the switch's other ports: address << 16 | VLAN. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XDP_MAX_VMS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} vms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XDP_N_COUNTS);
	__type(key, __u32);
	__type(value, struct xdp_counter);
} counters SEC(".maps");

static __always_inline void count(struct xdp_md *ctx, __u32 what)
{
	struct xdp_counter *c = bpf_map_lookup_elem(&counters, &what);

	if (!c)
		return;
	c->packets++;
	c->bytes += bpf_xdp_get_buff_len(ctx);
}

static __always_inline int to_host(struct xdp_md *ctx, __u32 what)
{
	count(ctx, what);
	return XDP_PASS;
}

/* Until shuntd has a socket for the queue, the host gets everything. */
static __always_inline int to_switch(struct xdp_md *ctx)
{
	int action = (int)bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);

	return action == XDP_PASS ? to_host(ctx, XDP_COUNT_HOST) : action;
}

static __always_inline int drop(struct xdp_md *ctx)
{
	count(ctx, XDP_COUNT_UNUSED);
	return XDP_DROP;
}

struct uses {
	bool by_switch, by_host;
};

#define LINK_LOCAL 0xc28001 /* 01:80:c2:00:00:0x, as in a key without its VLAN */

/* IEEE 802.1Q-2022, table 8-1: what neighbours say to the switch itself, by LLDP and LACP. */
static __always_inline bool is_link_local(__u64 dst)
{
	return (dst >> 16 & 0xf0ffffffffff) == LINK_LOCAL;
}

#define SLOW_PROTOCOLS 0x020000c28001 /* 01:80:c2:00:00:02, likewise; IEEE 802.3, annex 57A */

/* The other end must not be answered by two: the kernel too may have a bond. */
static __always_inline bool is_lacp(const struct ethhdr *eth, __u64 dst)
{
	return speaks_slow && dst >> 16 == SLOW_PROTOCOLS && eth->h_proto == bpf_htons(ETH_P_SLOW);
}

static __always_inline struct uses uses_of(__u32 vid)
{
	__u32 word = (vid & VID_MASK) >> 6;
	const volatile struct xdp_vlans *v = bpf_map_lookup_elem(&vlans, &word);
	struct uses none = { false, false };

	if (!v)
		return none;
	return (struct uses){ v->of_switch >> (vid & 63) & 1, v->of_host >> (vid & 63) & 1 };
}

/* The bytes of an address where the switch's keys have them. */
static __always_inline __u64 address_key(const __u8 *mac)
{
	__u64 key = 0;

	for (int i = 0; i < ETH_ALEN; i++)
		key |= (__u64)mac[i] << (16 + 8 * i);
	return key;
}

static __always_inline bool is_vm(__u64 dst, __u32 vid)
{
	__u64 key = dst | (vid ? vid : untagged_vlan);

	return bpf_map_lookup_elem(&vms, &key);
}

/* A VLAN that no port uses, and a frame that is not for the interface's own address. */
static __always_inline int outside(struct xdp_md *ctx, bool is_group, struct uses used)
{
	if (host == XDP_HOST_ALL_BUT_VMS)
		return to_host(ctx, XDP_COUNT_HOST);
	if (host == XDP_HOST_OWN && is_group && used.by_host)
		return to_host(ctx, XDP_COUNT_HOST);
	return drop(ctx);
}

SEC("xdp.frags")
int shunt_uplink(struct xdp_md *ctx)
{
	const void *data = (const void *)(long)ctx->data, *end = (const void *)(long)ctx->data_end;
	const struct ethhdr *eth = data;
	const struct vlan_tag *tag = (const void *)(eth + 1);
	struct uses used;
	bool is_group;
	__u32 vid = 0;
	__u64 dst;

	if ((const void *)(eth + 1) > end)
		return to_host(ctx, XDP_COUNT_HOST);
	if (eth->h_proto == bpf_htons(ETH_P_8021Q) && (const void *)(tag + 1) <= end)
		vid = bpf_ntohs(tag->tci) & VID_MASK;
	is_group = eth->h_dest[0] & 1;
	dst = address_key(eth->h_dest);
	if (host != XDP_HOST_NONE && dst == own_mac)
		return to_host(ctx, XDP_COUNT_HOST);
	if (is_lacp(eth, dst))
		return to_switch(ctx);
	used = uses_of(vid);
	if (is_link_local(dst))
		used.by_switch = true;
	if (!used.by_switch)
		return outside(ctx, is_group, used);
	if (host == XDP_HOST_NONE)
		return to_switch(ctx);
	if (is_group) {
		if (host == XDP_HOST_OWN && !used.by_host)
			return to_switch(ctx);
		return to_host(ctx, XDP_COUNT_SHARED);
	}
	if (host == XDP_HOST_ALL_BUT_VMS && !is_vm(dst, vid))
		return to_host(ctx, XDP_COUNT_HOST);
	return to_switch(ctx);
}

/* Of what the kernel got, the switch wants what counted as shared. The kernel has moved an outer
 * tag out of the frame by now. */
SEC("socket")
int shunt_shared(struct __sk_buff *skb)
{
	__u8 dst[ETH_ALEN];
	__u32 vid = 0;

	if (bpf_skb_load_bytes(skb, 0, dst, sizeof(dst)) < 0 || !(dst[0] & 1))
		return 0;
	if (is_link_local(address_key(dst)))
		return WHOLE_FRAME;
	if (skb->vlan_present && skb->vlan_proto == bpf_htons(ETH_P_8021Q))
		vid = skb->vlan_tci & VID_MASK;
	return uses_of(vid).by_switch ? WHOLE_FRAME : 0;
}

char licence_text[] SEC("license") = "Dual BSD/GPL";
