/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The main of a fuzz target where there is no libFuzzer: run each file, and each file of each
 * folder, that is named through the target once. The unit suite replays seeds and found crashes so;
 * a folder that is not there is one of crashes not found yet.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "fuzz.h"

static unsigned n_run;

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rbe");
	uint8_t *data = NULL;
	size_t size = 0, n;
	char part[4096];

	if (!f)
		return -1;
	while ((n = fread(part, 1, sizeof(part), f)) > 0) {
		data = realloc(data, size + n);
		CHECK(data);
		memcpy(data + size, part, n);
		size += n;
	}
	fclose(f);
	/* A crash ends the program: the last line printed names its input. */
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data ? data : (const uint8_t *)"", size);
	free(data);
	n_run++;
	return 0;
}

static int replay_folder(const char *path, DIR *folder)
{
	struct dirent *entry;
	int r = 0;

	while (r == 0 && (entry = readdir(folder))) {
		char file[PATH_MAX];

		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.')
			r = replay_file(file);
	}
	closedir(folder);
	return r;
}

int main(int argc, char **argv)
{
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		int r = folder ? replay_folder(argv[i], folder) : replay_file(argv[i]);

		if (r < 0 && errno != ENOENT) {
			perror(argv[i]);
			return 1;
		}
	}
	/* Seeds that are not found must not look like seeds that pass. */
	return n_run > 0 ? 0 : 1;
}
