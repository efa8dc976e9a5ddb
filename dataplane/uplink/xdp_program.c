/* SPDX-License-Identifier: BSD-3-Clause
 *
 * libbpf's side of the XDP program. Its variables are memory that we share with the kernel, so
 * telling it something is a store. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "base/log.h"
#include "uplink/xdp_program.h"

#include "xdp.skel.h"

#define VLANS_BYTES (XDP_VLAN_WORDS * sizeof(struct xdp_vlans))

_Static_assert(XDP_VLAN_WORDS == DP_VLAN_WORDS, "one bit a VLAN on both sides");

struct xdp_program {
	struct xdp_bpf *bpf;
	int link_fd;
	struct xdp_vlans *vlans; /* shared with the program */
	int n_cpus;
	struct xdp_counter *per_cpu; /* scratch of a reading */
};

/* What matters comes back as an error; its own words, a line of them, help whoever looks closer. */
static int libbpf_log(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[512];
	int n = vsnprintf(text, sizeof(text), format, args);

	text[strcspn(text, "\n")] = '\0';
	sh_log(level == LIBBPF_WARN ? SH_LOG_INFO : SH_LOG_DEBUG, "%s", text);
	return n;
}

static int map_vlans(struct xdp_program *p)
{
	void *map = mmap(NULL, VLANS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		bpf_map__fd(p->bpf->maps.vlans), 0);

	if (map == MAP_FAILED)
		return -errno;
	p->vlans = map;
	return 0;
}

int xdp_program_new(struct xdp_program **ret)
{
	struct xdp_program *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->link_fd = -1;
	libbpf_set_print(libbpf_log);
	p->n_cpus = libbpf_num_possible_cpus();
	if (p->n_cpus > 0)
		p->per_cpu = calloc((size_t)p->n_cpus, sizeof(*p->per_cpu));
	r = p->per_cpu ? 0 : -ENOMEM;
	if (r == 0) {
		p->bpf = xdp_bpf__open_and_load();
		r = p->bpf ? 0 : -errno;
	}
	if (r == 0)
		r = map_vlans(p);
	if (r < 0) {
		xdp_program_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void xdp_program_free(struct xdp_program *p)
{
	if (!p)
		return;
	xdp_program_detach(p);
	if (p->vlans)
		munmap(p->vlans, VLANS_BYTES);
	xdp_bpf__destroy(p->bpf);
	free(p->per_cpu);
	free(p);
}

/* Programs are named for whoever looks for them; one may have no name. */
static void read_name(uint32_t id, char ret[16])
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	ret[0] = '\0';
	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.name[0])
		snprintf(ret, 16, "%.15s", info.name);
	close(fd);
}

int xdp_program_other(int ifindex, struct xdp_other *ret)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int r = bpf_xdp_query(ifindex, 0, &query);

	if (r < 0)
		return r;
	ret->id = query.drv_prog_id   ? query.drv_prog_id
		  : query.skb_prog_id ? query.skb_prog_id
				      : query.hw_prog_id;
	ret->how = query.drv_prog_id ? "xdp" : query.skb_prog_id ? "xdpgeneric" : "xdpoffload";
	if (ret->id)
		read_name(ret->id, ret->name);
	return 0;
}

int xdp_program_attach(struct xdp_program *p, int ifindex, bool generic)
{
	LIBBPF_OPTS(bpf_link_create_opts, options,
		.flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(
		bpf_program__fd(p->bpf->progs.shunt_uplink), ifindex, BPF_XDP, &options);

	if (fd < 0)
		return fd;
	p->link_fd = fd;
	return 0;
}

void xdp_program_detach(struct xdp_program *p)
{
	if (p->link_fd >= 0)
		close(p->link_fd);
	p->link_fd = -1;
}

int xdp_program_set_socket(struct xdp_program *p, unsigned queue, int fd)
{
	return bpf_map_update_elem(bpf_map__fd(p->bpf->maps.sockets), &queue, &fd, BPF_ANY);
}

#define STORE(variable, value) __atomic_store_n(&(variable), (value), __ATOMIC_RELAXED)

void xdp_program_set_host(struct xdp_program *p, enum xdp_host host)
{
	STORE(p->bpf->bss->host, host);
}

void xdp_program_set_slow(struct xdp_program *p, bool speaks)
{
	STORE(p->bpf->bss->speaks_slow, speaks);
}

void xdp_program_set_own(
	struct xdp_program *p, const uint8_t *mac, const uint64_t vlans[DP_VLAN_WORDS])
{
	uint64_t key = 0;

	for (unsigned i = 0; i < 6; i++)
		key |= (uint64_t)mac[i] << (16 + 8 * i);
	STORE(p->bpf->bss->own_mac, key);
	for (unsigned i = 0; i < DP_VLAN_WORDS; i++)
		STORE(p->vlans[i].of_host, vlans[i]);
}

void xdp_program_set_switch_vlans(
	struct xdp_program *p, const uint64_t vlans[DP_VLAN_WORDS], uint16_t untagged)
{
	STORE(p->bpf->bss->untagged_vlan, untagged);
	for (unsigned i = 0; i < DP_VLAN_WORDS; i++)
		STORE(p->vlans[i].of_switch, vlans[i]);
}

/* Beyond XDP_MAX_VMS an address is none of ours: its frames go to the host. */
void xdp_program_set_vm(struct xdp_program *p, uint64_t key, bool there)
{
	int map = bpf_map__fd(p->bpf->maps.vms);
	uint8_t yes = 1;

	if (there)
		(void)bpf_map_update_elem(map, &key, &yes, BPF_ANY);
	else
		(void)bpf_map_delete_elem(map, &key);
}

void xdp_program_forget_vms(struct xdp_program *p)
{
	int map = bpf_map__fd(p->bpf->maps.vms);
	uint64_t key;

	while (bpf_map_get_next_key(map, NULL, &key) == 0)
		(void)bpf_map_delete_elem(map, &key);
}

int xdp_program_filter(const struct xdp_program *p)
{
	return bpf_program__fd(p->bpf->progs.shunt_shared);
}

void xdp_program_counters(const struct xdp_program *p, struct xdp_counter ret[XDP_N_COUNTS])
{
	int map = bpf_map__fd(p->bpf->maps.counters);

	memset(ret, 0, XDP_N_COUNTS * sizeof(*ret));
	for (uint32_t what = 0; what < XDP_N_COUNTS; what++) {
		if (bpf_map_lookup_elem(map, &what, p->per_cpu) < 0)
			continue;
		for (int i = 0; i < p->n_cpus; i++) {
			ret[what].packets += p->per_cpu[i].packets;
			ret[what].bytes += p->per_cpu[i].bytes;
		}
	}
}
