/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Network interfaces by ioctl, and the host's VLAN interfaces by /proc. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "uplink/interface.h"
#include "uplink/wire_vlans.h"

static int ask(int fd, const char *name, unsigned long request, struct ifreq *ifr)
{
	snprintf(ifr->ifr_name, IFNAMSIZ, "%.15s", name);
	return ioctl(fd, request, ifr) < 0 ? -errno : 0;
}

static int ask_ethtool(int fd, const char *name, void *data)
{
	struct ifreq ifr = { .ifr_data = data };

	return ask(fd, name, SIOCETHTOOL, &ifr);
}

/* A driver that does not tell has one. */
static unsigned count_queues(int fd, const char *name)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	unsigned n;

	if (ask_ethtool(fd, name, &channels) < 0)
		return 1;
	n = channels.rx_count + channels.combined_count;
	return n ? n : 1;
}

static int get_by(int fd, const char *name, struct interface *ret)
{
	struct ifreq ifr;
	int r = ask(fd, name, SIOCGIFINDEX, &ifr);

	if (r < 0)
		return r;
	ret->ifindex = ifr.ifr_ifindex;
	r = ask(fd, name, SIOCGIFMTU, &ifr);
	if (r < 0)
		return r;
	ret->mtu = (uint32_t)ifr.ifr_mtu;
	r = ask(fd, name, SIOCGIFHWADDR, &ifr);
	if (r < 0)
		return r;
	memcpy(ret->mac, ifr.ifr_hwaddr.sa_data, 6);
	ret->is_ethernet = ifr.ifr_hwaddr.sa_family == ARPHRD_ETHER;
	r = ask(fd, name, SIOCGIFFLAGS, &ifr);
	if (r < 0)
		return r;
	ret->is_running = (ifr.ifr_flags & IFF_UP) && (ifr.ifr_flags & IFF_RUNNING);
	ret->n_queues = count_queues(fd, name);
	return 0;
}

uint32_t interface_speed(const char *name)
{
	struct ethtool_cmd settings = { .cmd = ETHTOOL_GSET };
	int r, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t speed;

	if (fd < 0)
		return 0;
	r = ask_ethtool(fd, name, &settings);
	close(fd);
	speed = ethtool_cmd_speed(&settings);
	return r < 0 || speed == (uint32_t)SPEED_UNKNOWN ? 0 : speed;
}

int interface_get(const char *name, struct interface *ret)
{
	int r, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(ret, 0, sizeof(*ret));
	if (fd < 0)
		return -errno;
	r = get_by(fd, name, ret);
	close(fd);
	return r;
}

int interface_find(const char *name, struct interface *ret, struct sh_err *err)
{
	int r = interface_get(name, ret);

	if (r == -ENODEV)
		return sh_err_set(err, r,
			"no network interface '%s': see 'ip link' for those there are", name);
	if (r < 0)
		return sh_err_set(
			err, r, "interface '%s': cannot be asked: %s", name, strerror(-r));
	if (!ret->is_ethernet)
		return sh_err_set(err, -EINVAL,
			"interface '%s' carries no Ethernet frames: take one that 'ip link' shows "
			"with link/ether",
			name);
	return 0;
}

static int set_rx_vlan(int fd, const char *name, bool on)
{
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	bool was;
	int r = ask_ethtool(fd, name, &flags);

	if (r < 0)
		return r;
	was = flags.data & ETH_FLAG_RXVLAN;
	if (was == on)
		return was;
	flags.cmd = ETHTOOL_SFLAGS;
	flags.data ^= ETH_FLAG_RXVLAN;
	r = ask_ethtool(fd, name, &flags);
	return r < 0 ? r : was;
}

int interface_set_rx_vlan(const char *name, bool on)
{
	int r, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	r = set_rx_vlan(fd, name, on);
	close(fd);
	return r == -EINVAL ? -EOPNOTSUPP : r;
}

void interface_read_host_vlans(const char *name, uint64_t ret[DP_VLAN_WORDS])
{
	_cleanup_fclose_ FILE *f = fopen("/proc/net/vlan/config", "re");
	char *text = NULL;
	size_t size = 0;

	if (f && getdelim(&text, &size, '\0', f) < 0) {
		free(text);
		text = NULL;
	}
	dp_vlans_of_host(text, name, ret);
	free(text);
}
