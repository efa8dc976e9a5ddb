/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The frame by which switches learn where an address is now: after a migration, or when it is
 * reached by another device.
 */
#pragma once

#include <stdbool.h>

#include "wire.h"

#define DP_RARP_MAX (60 + VLAN_BYTES) /* an Ethernet frame's least, without its checksum */

/**
 * A request of somebody who asks for his own address, as QEMU and Xen send it.
 *
 * units:   tci with tagged alone
 * return:  its bytes
 * thread:  any
 * source:  RFC 903
 */
uint32_t dp_rarp_build(uint8_t frame[DP_RARP_MAX], const uint8_t mac[6], bool tagged, uint16_t tci);
