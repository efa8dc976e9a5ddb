/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a step says to the user. Words are those of the configuration.
 */
#include "plan_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PROTO_8021AD 0x88a8

const char *sriov_attr_name(enum sriov_attr attr)
{
	static const char *const names[SRIOV_N_ATTRS] = {
		[SRIOV_MAC] = "mac",
		[SRIOV_VLAN] = "vlan",
		[SRIOV_SPOOFCHK] = "spoofchk",
		[SRIOV_TRUST] = "trust",
		[SRIOV_LINK_STATE] = "link_state",
		[SRIOV_RATE] = "rate",
		[SRIOV_QUERY_RSS] = "query_rss",
		[SRIOV_GUIDS] = "guids",
		[SRIOV_STATS] = "stats",
		[SRIOV_MSIX] = "msix_vectors",
		[SRIOV_FN_HW_ADDR] = "hw_addr",
		[SRIOV_FN_STATE] = "state",
		[SRIOV_FN_RATE] = "function rate",
	};

	return names[attr];
}

const char *sriov_link_state_name(enum sriov_link_state state)
{
	static const char *const names[] = { "auto", "enable", "disable" };

	return (unsigned)state < 3 ? names[state] : "unknown";
}

const char *sriov_eswitch_name(enum sriov_eswitch mode)
{
	static const char *const names[] = { "unknown", "legacy", "switchdev" };

	return (unsigned)mode < 3 ? names[mode] : "unknown";
}

bool sriov_driver_passes_through(const char *driver)
{
	return strstr(driver, "vfio") || strcmp(driver, "uio_pci_generic") == 0 ||
	       strcmp(driver, "igb_uio") == 0 || strcmp(driver, "pci-stub") == 0;
}

bool sriov_attr_equal(enum sriov_attr attr, const struct sriov_vf *a, const struct sriov_vf *b)
{
	switch (attr) {
	case SRIOV_MAC:
		return memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
	case SRIOV_VLAN:
		/* Without a tag the protocol is of no account, and drivers tell any. */
		return a->vlan == b->vlan && a->qos == b->qos &&
		       (a->vlan_proto == b->vlan_proto || (!a->vlan && !a->qos));
	case SRIOV_SPOOFCHK:
		return a->spoofchk == b->spoofchk;
	case SRIOV_TRUST:
		return a->trust == b->trust;
	case SRIOV_LINK_STATE:
		return a->link_state == b->link_state;
	case SRIOV_RATE:
		return a->min_tx_rate == b->min_tx_rate && a->max_tx_rate == b->max_tx_rate;
	case SRIOV_QUERY_RSS:
		return a->query_rss == b->query_rss;
	case SRIOV_MSIX:
		return a->msix_vectors == b->msix_vectors;
	case SRIOV_FN_HW_ADDR:
		return memcmp(a->fn_hw_addr, b->fn_hw_addr, sizeof(a->fn_hw_addr)) == 0;
	case SRIOV_FN_STATE:
		return a->fn_active == b->fn_active;
	case SRIOV_FN_RATE:
		return a->fn_tx_share == b->fn_tx_share && a->fn_tx_max == b->fn_tx_max;
	case SRIOV_GUIDS:
	case SRIOV_STATS:
	case SRIOV_N_ATTRS:
		break;
	}
	return true;
}

static void print_vlan(const struct sriov_vf *vf, char *text, size_t size)
{
	char qos[16] = "";

	if (vf->qos)
		snprintf(qos, sizeof(qos), " qos %u", vf->qos);
	snprintf(text, size, "%u%s%s", vf->vlan, qos,
		vf->vlan_proto == PROTO_8021AD && (vf->vlan || vf->qos) ? " vlan_proto 802.1ad"
									: "");
}

static void print_value(enum sriov_attr attr, const struct sriov_vf *vf, char *text, size_t size)
{
	const uint8_t *m = attr == SRIOV_MAC ? vf->mac : vf->fn_hw_addr;
	bool on = (attr == SRIOV_SPOOFCHK && vf->spoofchk) || (attr == SRIOV_TRUST && vf->trust) ||
		  (attr == SRIOV_QUERY_RSS && vf->query_rss);

	if (attr == SRIOV_MAC || attr == SRIOV_FN_HW_ADDR)
		snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
			m[5]);
	else if (attr == SRIOV_VLAN)
		print_vlan(vf, text, size);
	else if (attr == SRIOV_LINK_STATE)
		snprintf(text, size, "%s", sriov_link_state_name(vf->link_state));
	else if (attr == SRIOV_RATE)
		snprintf(text, size, "%u-%u Mb/s", vf->min_tx_rate, vf->max_tx_rate);
	else if (attr == SRIOV_FN_RATE)
		snprintf(text, size, "%u-%u Mb/s", vf->fn_tx_share, vf->fn_tx_max);
	else if (attr == SRIOV_FN_STATE)
		snprintf(text, size, "%s", vf->fn_active ? "active" : "inactive");
	else
		snprintf(text, size, "%s", on ? "on" : "off");
}

/* Add ", NAME FROM -> TO"; from NULL: what it was is not known. */
static void add_change(char *text, size_t size, const char *name, const char *from, const char *to)
{
	size_t n = strlen(text);

	snprintf(text + n, size - n, "%s%s %s%s%s", n ? ", " : "", name, from ? from : "",
		from ? " -> " : "", to);
}

static void add_rates(const struct sriov_step *step, bool known, char *text, size_t size)
{
	const struct sriov_vf *a = &step->vf_from, *b = &step->vf_to;
	char from[16], to[16];

	if (!known || a->min_tx_rate != b->min_tx_rate) {
		snprintf(from, sizeof(from), "%u", a->min_tx_rate);
		snprintf(to, sizeof(to), "%u", b->min_tx_rate);
		/* A minimum that was not asked for goes along unsaid. */
		if (known || b->min_tx_rate)
			add_change(text, size, "min_tx_rate", known ? from : NULL, to);
	}
	if (!known || a->max_tx_rate != b->max_tx_rate) {
		snprintf(from, sizeof(from), "%u", a->max_tx_rate);
		snprintf(to, sizeof(to), "%u", b->max_tx_rate);
		add_change(text, size, "max_tx_rate", known ? from : NULL, to);
	}
}

void sriov_step_describe_attrs(struct sriov_step *step)
{
	char from[64], to[64];

	step->text[0] = 0;
	for (unsigned attr = 0; attr < SRIOV_N_ATTRS; attr++) {
		bool known = step->vf_from.known >> attr & 1;

		if (!(step->sets >> attr & 1))
			continue;
		if (attr == SRIOV_RATE) {
			add_rates(step, known, step->text, sizeof(step->text));
			continue;
		}
		print_value(attr, &step->vf_from, from, sizeof(from));
		print_value(attr, &step->vf_to, to, sizeof(to));
		add_change(step->text, sizeof(step->text), sriov_attr_name(attr),
			known ? from : NULL, to);
	}
}

void sriov_step_describe(struct sriov_step *step, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(step->text, sizeof(step->text), fmt, ap);
	va_end(ap);
}

void sriov_step_print(const struct sriov_step *step, char *text, size_t size)
{
	if (step->vf < 0)
		snprintf(text, size, "%s: %s", step->pf, step->text);
	else
		snprintf(text, size, "%s vf %d: %s", step->pf, step->vf, step->text);
}
