/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-blk on a real file, driven by registers and rings.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"
#include "virtio_blk.h"
#include "vmm_rig.h"

#define DISK_BYTES (UINT64_C(1) << 20)
#define N_SECTORS  (DISK_BYTES / VMM_SECTOR)
#define HEADER     RIG_BUFFERS
#define STATUS     (RIG_BUFFERS + 0x100)
#define DATA       (RIG_BUFFERS + 0x1000)
#define ALL        UINT64_MAX

static struct {
	char folder[32], file[64];
	struct rig rig;
	struct driver d;
	struct vmm_blk *blk;
} t;

static int open_disk(bool read_only, bool discard, struct sh_err *err)
{
	const struct vmm_disk_conf conf = {
		.file = t.file, .size = DISK_BYTES, .read_only = read_only, .discard = discard
	};
	struct vmm_disk disk;
	int r = vmm_disk_open(&conf, &disk, err);

	return r < 0 ? r : vmm_blk_new(&t.rig.set, "disk0", disk, &t.blk, err);
}

static void make_folder(void)
{
	sh_log_set_level(SH_LOG_ERR);
	snprintf(t.folder, sizeof(t.folder), "/tmp/vmm_blk.XXXXXX");
	assert_non_null(mkdtemp(t.folder));
	snprintf(t.file, sizeof(t.file), "%s/disk.raw", t.folder);
	rig_open(&t.rig, false);
}

static int setup(void **state)
{
	make_folder();
	assert_int_equal(open_disk(false, true, NULL), 0);
	driver_find(&t.rig, 1, &t.d);
	driver_start(&t.d, ALL, 1);
	return 0;
}

static int setup_bare(void **state)
{
	make_folder();
	return 0;
}

static int teardown(void **state)
{
	rig_close(&t.rig);
	unlink(t.file);
	rmdir(t.folder);
	return 0;
}

/* return: the status byte. */
static unsigned request(uint32_t type, uint64_t sector, uint64_t at, uint32_t n, bool is_in)
{
	const struct virtio_blk_outhdr header = { .type = type, .sector = sector };
	const struct rig_buffer buffers[] = { { HEADER, sizeof(header), false }, { at, n, is_in },
		{ STATUS, 1, true } };
	uint8_t *status = rig_at(&t.rig, STATUS, 1);
	uint32_t n_written;

	memcpy(rig_at(&t.rig, HEADER, sizeof(header)), &header, sizeof(header));
	*status = 0xff;
	n_written = driver_do(&t.d, 0, buffers, 3);
	assert_int_equal(n_written, *status == VIRTIO_BLK_S_OK && is_in ? n + 1 : 1);
	return *status;
}

static unsigned write_sectors(uint64_t sector, uint32_t n_sectors, int byte)
{
	uint32_t n = n_sectors * VMM_SECTOR;

	memset(rig_at(&t.rig, DATA, n), byte, n);
	return request(VIRTIO_BLK_T_OUT, sector, DATA, n, false);
}

static void expect_sectors(uint64_t sector, uint32_t n_sectors, int byte)
{
	uint32_t n = n_sectors * VMM_SECTOR;
	uint8_t *data = rig_at(&t.rig, DATA, n);

	memset(data, 0x5a, n);
	assert_int_equal(request(VIRTIO_BLK_T_IN, sector, DATA, n, true), VIRTIO_BLK_S_OK);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(data[i], byte);
}

static unsigned clear(uint32_t type, uint64_t sector, uint32_t n_sectors, uint32_t flags)
{
	const struct virtio_blk_discard_write_zeroes range = { sector, n_sectors, flags };

	memcpy(rig_at(&t.rig, DATA, sizeof(range)), &range, sizeof(range));
	return request(type, 0, DATA, sizeof(range), false);
}

static void what_was_written_is_read_back_and_in_the_file(void **state)
{
	uint8_t byte = 0;
	int fd;

	assert_int_equal(write_sectors(3, 4, 0x11), VIRTIO_BLK_S_OK);
	assert_int_equal(write_sectors(N_SECTORS - 1, 1, 0x22), VIRTIO_BLK_S_OK);
	expect_sectors(3, 4, 0x11);
	expect_sectors(N_SECTORS - 1, 1, 0x22);
	expect_sectors(7, 2, 0);
	fd = open(t.file, O_RDONLY);
	assert_int_equal(pread(fd, &byte, 1, 3 * VMM_SECTOR), 1);
	assert_int_equal(byte, 0x11);
	close(fd);
}

static void nothing_beyond_the_end_is_read_or_written(void **state)
{
	struct stat st;

	assert_int_equal(write_sectors(N_SECTORS, 1, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(write_sectors(N_SECTORS - 1, 2, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(write_sectors(UINT64_MAX, 1, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(write_sectors(UINT64_MAX / VMM_SECTOR + 1, 1, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(
		request(VIRTIO_BLK_T_IN, N_SECTORS, DATA, VMM_SECTOR, true), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, DATA, 100, true), VIRTIO_BLK_S_IOERR);
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, N_SECTORS - 1, 2, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, UINT64_MAX, 2, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(stat(t.file, &st), 0);
	assert_int_equal(st.st_size, DISK_BYTES);
}

static void many_requests_at_a_time_are_all_answered(void **state)
{
	const struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_IN };
	const struct rig_buffer buffers[] = { { HEADER, sizeof(header), false },
		{ DATA, 4096, true }, { STATUS, 1, true } };
	unsigned n_done = 0;
	uint16_t head;
	uint32_t n;

	memcpy(rig_at(&t.rig, HEADER, sizeof(header)), &header, sizeof(header));
	for (unsigned i = 0; i < 5; i++)
		driver_offer(&t.d, 0, buffers, 3);
	driver_kick(&t.d, 0);
	while (n_done < 5) {
		if (!driver_used(&t.d, 0, &head, &n)) {
			assert_true(rig_turn(&t.rig, RIG_WAIT_MS));
			continue;
		}
		assert_int_equal(n, 4097);
		n_done++;
	}
	assert_true(driver_interrupts(&t.d, 1) > 0);
}

static void pause_finishes_what_is_under_way(void **state)
{
	const struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_IN };
	const struct rig_buffer buffers[] = { { HEADER, sizeof(header), false },
		{ DATA, 4096, true }, { STATUS, 1, true } };
	struct vring_used *used = rig_at(&t.rig, t.d.queues[0].used, 6);

	memcpy(rig_at(&t.rig, HEADER, sizeof(header)), &header, sizeof(header));
	for (unsigned i = 0; i < 4; i++)
		driver_offer(&t.d, 0, buffers, 3);
	driver_kick(&t.d, 0);
	assert_true(rig_turn(&t.rig, RIG_WAIT_MS));
	vmm_virtio_pause_all(&t.rig.set);
	assert_int_equal(used->idx, 4);
	vmm_virtio_resume_all(&t.rig.set);
	t.d.queues[0].n_used = 4;
	assert_int_equal(driver_do(&t.d, 0, buffers, 3), 4097);
}

static void header_and_status_come_in_any_pieces(void **state)
{
	const struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_OUT, .sector = 1 };
	const struct rig_buffer buffers[] = { { HEADER, 3, false }, { HEADER + 3, 5, false },
		{ HEADER + 8, 8 + 100, false }, { DATA, 412, false }, { STATUS, 1, true } };
	uint8_t *at = rig_at(&t.rig, HEADER, 16 + 100);

	memcpy(at, &header, sizeof(header));
	memset(at + 16, 0x33, 100);
	memset(rig_at(&t.rig, DATA, 412), 0x33, 412);
	assert_int_equal(driver_do(&t.d, 0, buffers, 5), 1);
	expect_sectors(1, 1, 0x33);
	expect_sectors(2, 1, 0);
}

static void discarded_sectors_are_given_back_to_the_host(void **state)
{
	uint64_t before;

	assert_int_equal(write_sectors(0, 256, 0x44), VIRTIO_BLK_S_OK);
	assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, DATA, 0, false), VIRTIO_BLK_S_OK);
	before = vmm_disk_allocated(vmm_blk_disk(t.blk));
	assert_true(before >= 256 * VMM_SECTOR);
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, 128, 128, 0), VIRTIO_BLK_S_OK);
	assert_true(vmm_disk_allocated(vmm_blk_disk(t.blk)) <= before - 128 * VMM_SECTOR);
	expect_sectors(0, 128, 0x44);
	expect_sectors(128, 128, 0);
}

static void zeroes_are_written_with_and_without_unmap(void **state)
{
	assert_int_equal(write_sectors(0, 64, 0x55), VIRTIO_BLK_S_OK);
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, 8, 8, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(
		clear(VIRTIO_BLK_T_WRITE_ZEROES, 33, 3, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP),
		VIRTIO_BLK_S_OK);
	expect_sectors(0, 8, 0x55);
	expect_sectors(8, 8, 0);
	expect_sectors(16, 17, 0x55);
	expect_sectors(33, 3, 0);
	expect_sectors(36, 28, 0x55);
}

static void flags_and_requests_that_are_unknown_are_unsupported(void **state)
{
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, 0, 1, 1), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 2), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(99, 0, DATA, 512, false), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(
		request(VIRTIO_BLK_T_SECURE_ERASE, 0, DATA, 16, false), VIRTIO_BLK_S_UNSUPP);
}

static void disk_tells_its_name(void **state)
{
	assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, DATA, 20, true), VIRTIO_BLK_S_OK);
	assert_string_equal(rig_at(&t.rig, DATA, 20), "disk0");
}

static void request_without_room_for_a_status_breaks_the_ring(void **state)
{
	const struct rig_buffer header = { HEADER, 16, false };

	driver_offer(&t.d, 0, &header, 1);
	driver_kick(&t.d, 0);
	rig_settle(&t.rig);
	assert_true(driver_read(&t.d, t.d.common + 20, 1) & 0x40);
}

static void read_only_disk_is_not_written(void **state)
{
	int fd = open(t.file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	assert_int_equal(ftruncate(fd, (off_t)DISK_BYTES), 0);
	close(fd);
	assert_int_equal(open_disk(true, true, NULL), 0);
	driver_find(&t.rig, 1, &t.d);
	driver_start(&t.d, ALL, 1);
	assert_true(driver_features(&t.d) & VMM_BIT(VIRTIO_BLK_F_RO));
	assert_int_equal(write_sectors(0, 1, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, 0, 1, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, DATA, 0, false), VIRTIO_BLK_S_OK);
	expect_sectors(0, 1, 0);
}

static void disk_is_made_sparse_and_with_its_size(void **state)
{
	struct stat st;

	assert_int_equal(open_disk(false, false, NULL), 0);
	assert_int_equal(stat(t.file, &st), 0);
	assert_int_equal(st.st_size, DISK_BYTES);
	assert_int_equal(vmm_disk_allocated(vmm_blk_disk(t.blk)), 0);
	driver_find(&t.rig, 1, &t.d);
	assert_int_equal(driver_read(&t.d, t.d.device, 4), N_SECTORS);
	assert_false(driver_features(&t.d) & VMM_BIT(VIRTIO_BLK_F_DISCARD));
}

static void disk_in_use_is_refused_unless_both_only_read(void **state)
{
	struct vmm_disk_conf conf = { .file = t.file };
	struct vmm_disk first, second;
	struct sh_err err;

	assert_int_equal(vmm_disk_open(&conf, &first, &err), -ENOENT);
	assert_non_null(strstr(err.text, "give a size"));
	conf.size = DISK_BYTES;
	assert_int_equal(vmm_disk_open(&conf, &first, &err), 0);
	assert_int_equal(vmm_disk_open(&conf, &second, &err), -EBUSY);
	assert_non_null(strstr(err.text, "in use by another machine"));
	conf.read_only = true;
	assert_int_equal(vmm_disk_open(&conf, &second, &err), -EBUSY);
	vmm_disk_close(&first);
	assert_int_equal(vmm_disk_open(&conf, &first, &err), 0);
	assert_int_equal(vmm_disk_open(&conf, &second, &err), 0);
	vmm_disk_close(&first);
	vmm_disk_close(&second);
}

static void what_is_no_disk_is_refused(void **state)
{
	struct vmm_disk_conf conf = { .file = "/dev/null", .size = DISK_BYTES };
	struct vmm_disk disk;
	struct sh_err err;

	assert_int_equal(vmm_disk_open(&conf, &disk, &err), -EINVAL);
	assert_non_null(strstr(err.text, "neither a file nor a block device"));
	conf = (struct vmm_disk_conf){ .file = t.file, .size = 100 };
	assert_int_equal(vmm_disk_open(&conf, &disk, &err), -EINVAL);
}

/* As a host that has none, for good. */
static int deny_io_uring(void **state)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	assert_non_null(filter);
	assert_int_equal(
		seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(io_uring_setup), 0), 0);
	assert_int_equal(seccomp_load(filter), 0);
	seccomp_release(filter);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define BARE(f) cmocka_unit_test_setup_teardown(f, setup_bare, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_read_back_and_in_the_file),
		TEST(nothing_beyond_the_end_is_read_or_written),
		TEST(many_requests_at_a_time_are_all_answered),
		TEST(pause_finishes_what_is_under_way),
		TEST(header_and_status_come_in_any_pieces),
		TEST(discarded_sectors_are_given_back_to_the_host),
		TEST(zeroes_are_written_with_and_without_unmap),
		TEST(flags_and_requests_that_are_unknown_are_unsupported),
		TEST(disk_tells_its_name),
		TEST(request_without_room_for_a_status_breaks_the_ring),
		BARE(read_only_disk_is_not_written),
		BARE(disk_is_made_sparse_and_with_its_size),
		BARE(disk_in_use_is_refused_unless_both_only_read),
		BARE(what_is_no_disk_is_refused),
	};

	return cmocka_run_group_tests_name("by io_uring", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("by the thread", tests, deny_io_uring, NULL);
}
