/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading attributes. Nothing is taken from one before its length was looked at.
 */
#include <libmnl/libmnl.h>
#include <limits.h>
#include <string.h>

#include "attrs.h"

bool attrs_parse(const void *bytes, size_t n, const struct nlattr **ret, uint16_t max)
{
	const uint8_t *at = bytes;

	memset(ret, 0, (max + 1u) * sizeof(*ret));
	if (n > INT_MAX)
		return false;
	while (n >= sizeof(struct nlattr)) {
		const struct nlattr *attr = (const struct nlattr *)(const void *)at;
		size_t len = NLMSG_ALIGN((size_t)attr->nla_len);
		uint16_t type;

		if (!mnl_attr_ok(attr, (int)n))
			return false;
		type = mnl_attr_get_type(attr);
		if (type <= max)
			ret[type] = attr;
		if (len > n)
			len = n;
		at += len;
		n -= len;
	}
	return n == 0;
}

bool attrs_parse_msg(
	const struct nlmsghdr *nlh, size_t header, const struct nlattr **ret, uint16_t max)
{
	size_t n = nlh->nlmsg_len < NLMSG_HDRLEN ? 0 : mnl_nlmsg_get_payload_len(nlh);

	if (n < header) {
		memset(ret, 0, (max + 1u) * sizeof(*ret));
		return false;
	}
	return attrs_parse((const uint8_t *)mnl_nlmsg_get_payload(nlh) + NLMSG_ALIGN(header),
		n > NLMSG_ALIGN(header) ? n - NLMSG_ALIGN(header) : 0, ret, max);
}

const void *attrs_bytes(const struct nlattr *attr, size_t n)
{
	return attr && mnl_attr_get_payload_len(attr) >= n ? mnl_attr_get_payload(attr) : NULL;
}

static bool get(const struct nlattr *attr, void *ret, size_t n)
{
	const void *bytes = attrs_bytes(attr, n);

	if (bytes)
		memcpy(ret, bytes, n);
	return bytes != NULL;
}

bool attrs_u8(const struct nlattr *attr, uint8_t *ret)
{
	return get(attr, ret, sizeof(*ret));
}

bool attrs_u16(const struct nlattr *attr, uint16_t *ret)
{
	return get(attr, ret, sizeof(*ret));
}

bool attrs_u32(const struct nlattr *attr, uint32_t *ret)
{
	return get(attr, ret, sizeof(*ret));
}

bool attrs_u64(const struct nlattr *attr, uint64_t *ret)
{
	return get(attr, ret, sizeof(*ret));
}

void attrs_text(const struct nlattr *attr, char *ret, size_t size)
{
	size_t n = attr ? mnl_attr_get_payload_len(attr) : 0;

	if (n > size - 1)
		n = size - 1;
	if (n)
		memcpy(ret, mnl_attr_get_payload(attr), n);
	ret[n] = '\0';
}
