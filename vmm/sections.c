/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Writing sections one behind the other, and finding one again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sections.h"

#define MAX_BYTES ((size_t)VMM_SNAPSHOT_MEMORY - VMM_SNAPSHOT_STATE)

static const char magic[8] = "SHUNT-VM";

struct head {
	char tag[4];
	uint32_t i;
	uint64_t n;
};

int vmm_sections_init(struct vmm_sections *ret)
{
	*ret = (struct vmm_sections){ .bytes = malloc(MAX_BYTES) };
	return ret->bytes ? 0 : -ENOMEM;
}

void vmm_sections_done(struct vmm_sections *s)
{
	free(s->bytes);
	*s = (struct vmm_sections){ 0 };
}

void vmm_sections_put(
	struct vmm_sections *s, const char *tag, unsigned i, const void *data, size_t n)
{
	struct head head = { .i = i, .n = n };

	if (n > MAX_BYTES - s->n || MAX_BYTES - s->n - n < sizeof(head)) {
		s->is_full = true;
		return;
	}
	memcpy(head.tag, tag, sizeof(head.tag));
	memcpy(s->bytes + s->n, &head, sizeof(head));
	memcpy(s->bytes + s->n + sizeof(head), data, n);
	s->n += sizeof(head) + n;
}

int vmm_sections_get(const struct vmm_sections *s, const char *tag, unsigned i, void *ret, size_t n,
	struct sh_err *err)
{
	struct head head;

	for (size_t at = 0; s->n - at >= sizeof(head); at += head.n) {
		memcpy(&head, s->bytes + at, sizeof(head));
		at += sizeof(head);
		if (head.n > s->n - at)
			break;
		if (memcmp(head.tag, tag, sizeof(head.tag)) != 0 || head.i != i)
			continue;
		if (head.n != n)
			return sh_err_set(err, -EINVAL, "its part '%s' %u has %llu bytes, not %zu",
				tag, i, (unsigned long long)head.n, n);
		memcpy(ret, s->bytes + at, n);
		return 0;
	}
	return sh_err_set(err, -EINVAL, "it has no part '%s' %u", tag, i);
}

uint64_t vmm_checksum(const void *data, size_t n)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (const uint8_t *byte = data; n; n--)
		hash = (hash ^ *byte++) * UINT64_C(0x100000001b3);
	return hash;
}

void vmm_sections_seal(
	const struct vmm_sections *s, uint64_t memory_bytes, struct vmm_snapshot_header *ret)
{
	*ret = (struct vmm_snapshot_header){
		.version = VMM_SNAPSHOT_VERSION,
		.state_bytes = (uint32_t)s->n,
		.memory_bytes = memory_bytes,
		.checksum = vmm_checksum(s->bytes, s->n),
	};
	memcpy(ret->magic, magic, sizeof(magic));
}

int vmm_snapshot_check(
	const struct vmm_snapshot_header *header, uint64_t file_bytes, struct sh_err *err)
{
	if (memcmp(header->magic, magic, sizeof(magic)) != 0)
		return sh_err_set(err, -EINVAL, "it is none, or was not finished");
	if (header->version != VMM_SNAPSHOT_VERSION)
		return sh_err_set(err, -EINVAL, "it is of version %u, this program's are of %u",
			header->version, VMM_SNAPSHOT_VERSION);
	if (file_bytes < VMM_SNAPSHOT_MEMORY || header->state_bytes > MAX_BYTES ||
		file_bytes - VMM_SNAPSHOT_MEMORY != header->memory_bytes)
		return sh_err_set(err, -EINVAL, "it is cut off");
	return 0;
}

int vmm_sections_check(
	const struct vmm_sections *s, const struct vmm_snapshot_header *header, struct sh_err *err)
{
	if (vmm_checksum(s->bytes, s->n) != header->checksum)
		return sh_err_set(err, -EINVAL, "it is damaged: its checksum is another one");
	return 0;
}
