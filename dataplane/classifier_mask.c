/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Masks: interned, so that two flows have the same mask when they point to the same object, and
 * compared with one another. And the coarser forms in which many masks share a group. Control
 * thread; workers read the masks themselves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "classifier_private.h"

#define MIN_BUCKETS 16

static struct dp_mask_entry *entry_of(const struct dp_mask *mask)
{
	return (struct dp_mask_entry *)((uintptr_t)mask - offsetof(struct dp_mask_entry, mask));
}

static uint32_t hash_of(const struct sh_flow_key *mask)
{
	uint64_t h = 0;

	for (unsigned i = 0; i < SH_KEY_WORDS; i++)
		h = dp_hash_mix(h, mask->words[i] ^ i);
	return (uint32_t)h;
}

static bool is_equal(const struct dp_mask *mask, const struct sh_flow_key *key)
{
	if (mask->used != sh_flow_key_used(key))
		return false;
	for (unsigned i = 0; i < mask->n; i++)
		if (mask->bits[i] != key->words[mask->at[i]])
			return false;
	return true;
}

/* Twice the buckets; without memory the chains just get longer. */
static void grow(struct dp_masks *masks)
{
	uint32_t n = masks->n_buckets ? masks->n_buckets * 2 : MIN_BUCKETS;
	struct dp_mask_entry **buckets = calloc(n, sizeof(struct dp_mask_entry *)), *entry;

	if (!buckets)
		return;
	for (uint32_t i = 0; i < masks->n_buckets; i++) {
		while ((entry = masks->buckets[i])) {
			masks->buckets[i] = entry->next;
			entry->next = buckets[entry->hash & (n - 1)];
			buckets[entry->hash & (n - 1)] = entry;
		}
	}
	free(masks->buckets);
	masks->n_bytes += (n - masks->n_buckets) * sizeof(struct dp_mask_entry *);
	masks->buckets = buckets;
	masks->n_buckets = n;
}

void dp_masks_done(struct dp_masks *masks)
{
	assert(masks->n == 0);
	free(masks->buckets);
}

static struct dp_mask_entry *make(const struct sh_flow_key *key, uint32_t hash)
{
	uint32_t used = sh_flow_key_used(key);
	size_t size =
		sizeof(struct dp_mask_entry) + (size_t)__builtin_popcount(used) * sizeof(uint64_t);
	struct dp_mask_entry *entry;

	size = (size + 63) & ~(size_t)63;
	entry = aligned_alloc(64, size);
	if (!entry)
		return NULL;
	memset(entry, 0, size);
	entry->hash = hash;
	entry->n_bytes = size;
	entry->mask.used = used;
	for (uint8_t i = 0; i < SH_KEY_WORDS; i++) {
		if (!key->words[i])
			continue;
		entry->mask.at[entry->mask.n] = i;
		entry->mask.bits[entry->mask.n++] = key->words[i];
	}
	return entry;
}

static struct dp_mask_entry *find(
	const struct dp_masks *masks, const struct sh_flow_key *mask, uint32_t hash)
{
	struct dp_mask_entry *entry = masks->buckets[hash & (masks->n_buckets - 1)];

	while (entry && (entry->hash != hash || !is_equal(&entry->mask, mask)))
		entry = entry->next;
	return entry;
}

const struct dp_mask *dp_masks_get(struct dp_masks *masks, const struct sh_flow_key *mask)
{
	uint32_t hash = hash_of(mask);
	struct dp_mask_entry *entry;

	if (masks->n >= masks->n_buckets)
		grow(masks);
	if (!masks->n_buckets)
		return NULL;
	entry = find(masks, mask, hash);
	if (!entry) {
		entry = make(mask, hash);
		if (!entry)
			return NULL;
		entry->next = masks->buckets[hash & (masks->n_buckets - 1)];
		masks->buckets[hash & (masks->n_buckets - 1)] = entry;
		masks->n++;
		masks->n_bytes += entry->n_bytes;
	}
	entry->n_refs++;
	return &entry->mask;
}

void dp_mask_ref(const struct dp_mask *mask)
{
	entry_of(mask)->n_refs++;
}

void dp_masks_put(
	struct dp_masks *masks, const struct dp_mask *mask, const struct dp_reclaim *reclaim)
{
	struct dp_mask_entry *entry = entry_of(mask), **link;

	if (--entry->n_refs)
		return;
	link = &masks->buckets[entry->hash & (masks->n_buckets - 1)];
	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	masks->n--;
	masks->n_bytes -= entry->n_bytes;
	reclaim->defer(reclaim->ctx, entry, free);
}

void dp_mask_count_flow(const struct dp_mask *mask, int change)
{
	entry_of(mask)->n_flows += (uint32_t)change;
}

uint32_t dp_masks_n_used(const struct dp_masks *masks)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < masks->n_buckets; i++)
		for (struct dp_mask_entry *e = masks->buckets[i]; e; e = e->next)
			n += e->n_flows != 0;
	return n;
}

bool dp_mask_covers(const struct dp_mask *coarse, const struct dp_mask *fine)
{
	if (coarse->used & ~fine->used)
		return false;
	for (unsigned i = 0; i < coarse->n; i++) {
		uint32_t below = (UINT32_C(1) << coarse->at[i]) - 1;

		if (coarse->bits[i] & ~fine->bits[__builtin_popcount(fine->used & below)])
			return false;
	}
	return true;
}

unsigned dp_mask_n_bits(const struct dp_mask *mask)
{
	unsigned n = 0;

	for (unsigned i = 0; i < mask->n; i++)
		n += (unsigned)__builtin_popcountll(mask->bits[i]);
	return n;
}

void dp_mask_unpack(const struct dp_mask *mask, const uint64_t *packed, struct sh_flow_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < mask->n; i++)
		ret->words[mask->at[i]] = packed[i];
}

/* Fields that are not in a coarse mask, as first and last byte. */
static const struct {
	uint8_t first, n;
} not_coarse[] = {
#define FIELDS(from, to)                                                                           \
	{                                                                                          \
		offsetof(struct sh_flow_key, from),                                                \
			offsetof(struct sh_flow_key, to) - offsetof(struct sh_flow_key, from)      \
	}
	FIELDS(vlan_pcp, ipv4_src),
	FIELDS(l4_src, mpls_label),
	FIELDS(ipv6_flabel, ipv6_src),
	/* The longest prefixes that are left: /24, and /64 */
	{ offsetof(struct sh_flow_key, ipv4_src) + 3, 1 },
	{ offsetof(struct sh_flow_key, ipv4_dst) + 3, 1 },
	{ offsetof(struct sh_flow_key, ipv6_src) + 8, 8 },
	{ offsetof(struct sh_flow_key, ipv6_dst) + 8, 8 },
#undef FIELDS
};

void dp_mask_make_coarse(struct sh_flow_key *mask)
{
	uint8_t *bytes = (uint8_t *)mask;

	for (unsigned i = 0; i < sizeof(*mask); i++)
		if (bytes[i] != 0xff)
			bytes[i] = 0;
	for (unsigned i = 0; i < sizeof(not_coarse) / sizeof(not_coarse[0]); i++)
		memset(&bytes[not_coarse[i].first], 0, not_coarse[i].n);
}
