/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A PCI device as sysfs shows it: why DPDK cannot have it, and what to do about it.
 */
#pragma once

#include <stddef.h>

/**
 * Why no driver of DPDK's took a device, as a sentence with the command to type.
 *
 * shape:   sysfs is "/sys"; address like 0000:01:00.0; ret[size] is cut where it is too long
 * thread:  control
 * source:  Documentation/ABI/testing/sysfs-bus-pci of Linux
 */
void pci_explain(const char *sysfs, const char *address, char *ret, size_t size);
