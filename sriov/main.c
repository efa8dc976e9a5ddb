/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The program shunt-sriov: everything is in libraries, so that tests can link it. One thread.
 */
#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

#include "program.h"

/* Whoever closed 0, 1 or 2 does not get a socket there: children close them. */
static void fill_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	fill_descriptors();
	setlocale(LC_ALL, "");
	return program_main(NULL, argc, argv);
}
