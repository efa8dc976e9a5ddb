# SPDX-License-Identifier: BSD-3-Clause
# What Debian packages each command needs, and how they are installed. Sourced by ./run.
# shellcheck shell=bash disable=SC2034

build_packages=(gcc libc6-dev meson ninja-build pkg-config libdpdk-dev libpcap-dev
	libbpf-dev clang bpftool libjansson-dev libcyaml-dev
	libyaml-dev libsystemd-dev libmnl-dev libsmartcols-dev libcmocka-dev libseccomp-dev libssl-dev
	liburing-dev openvswitch-source scdoc ca-certificates)
demo_packages=(python3 qemu-system-x86 busybox-static cpio iproute2 tcpdump iputils-ping kmod xz-utils)
test_packages=("${demo_packages[@]}" libclang-rt-dev clang-format python3-pytest python3-pytest-xdist
	python3-scapy python3-yaml dpdk-dev git procps util-linux e2fsprogs xfsprogs shellcheck python3-pyflakes
	groff-base systemd dbus openvswitch-common openvswitch-switch openvswitch-testcontroller python3-os-ken openssl tshark lldpd)
bench_packages=(dpdk-dev openvswitch-switch-dpdk coreutils iperf3)

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Packages bring services; a test machine shall not have them started.
without_services() {
	local policy=/usr/sbin/policy-rc.d mine=
	if [ ! -e $policy ]; then
		mine=1
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod +x $policy
	fi
	"$@" || { [ -z "$mine" ] || rm -f $policy; return 1; }
	[ -z "$mine" ] || rm -f $policy
}

install_packages() {
	local missing=() package
	for package in "$@"; do
		is_installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing ${#missing[@]} packages: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update
	without_services apt-get -qq -y --no-install-recommends install "${missing[@]}" >/tmp/shunt-apt.log 2>&1 ||
		{ tail -20 /tmp/shunt-apt.log; echo "run: packages could not be installed" >&2; exit 1; }
}

# Huge pages of 2 MiB, as many as are missing, and a place where DPDK's own programs find them.
reserve_huge_pages() {
	local now
	now=$(cat /proc/sys/vm/nr_hugepages)
	[ "$now" -ge "$1" ] || echo "$1" >/proc/sys/vm/nr_hugepages || true
	mkdir -p /dev/hugepages
	mountpoint -q /dev/hugepages || mount -t hugetlbfs none /dev/hugepages || true
}
