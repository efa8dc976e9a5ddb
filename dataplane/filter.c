/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Filters of captures, as tcpdump takes them: compiled by libpcap, asked by workers. Whoever
 * compiles may have to wait for a name to be looked up.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

#define ANCILLARY 0xfffff000u /* SKF_AD_OFF of linux/filter.h, which does not go with pcap's */

struct dp_filter {
	struct bpf_program program;
	char *text;
};

/* libpcap has filters look there for what is not in the frame. No frame has it. */
static bool asks_the_kernel(const struct bpf_program *filter)
{
	for (unsigned i = 0; i < filter->bf_len; i++)
		if (BPF_CLASS(filter->bf_insns[i].code) == BPF_LD &&
			BPF_MODE(filter->bf_insns[i].code) == BPF_ABS &&
			filter->bf_insns[i].k >= ANCILLARY)
			return true;
	return false;
}

static int compile(struct dp_filter *f, pcap_t *pcap, struct sh_err *err)
{
	if (pcap_compile(pcap, &f->program, f->text, 1, PCAP_NETMASK_UNKNOWN) < 0)
		return sh_err_set(err, -EINVAL, "filter '%.200s': %s", f->text, pcap_geterr(pcap));
	if (asks_the_kernel(&f->program))
		return sh_err_set(err, -EINVAL,
			"filter '%.200s': asks for what a kernel knows of a packet of its own: for "
			"inbound and outbound there is dir",
			f->text);
	return 0;
}

int dp_filter_new(const char *text, uint32_t snaplen, struct dp_filter **ret, struct sh_err *err)
{
	struct dp_filter *f = calloc(1, sizeof(*f));
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, (int)snaplen);
	int r = -ENOMEM;

	if (f)
		f->text = strdup(text);
	if (f && f->text && pcap)
		r = compile(f, pcap, err);
	else
		sh_err_set(err, r, "no memory for a filter");
	if (pcap)
		pcap_close(pcap);
	if (r < 0)
		dp_filter_free(f);
	else
		*ret = f;
	return r;
}

void dp_filter_free(struct dp_filter *f)
{
	if (!f)
		return;
	pcap_freecode(&f->program);
	free(f->text);
	free(f);
}

const char *dp_filter_text(const struct dp_filter *f)
{
	return f->text;
}

bool dp_filter_takes(const struct dp_filter *f, const void *bytes, uint32_t n, uint32_t len)
{
	const struct pcap_pkthdr header = { .caplen = n, .len = len };

	return pcap_offline_filter(&f->program, &header, bytes) != 0;
}
