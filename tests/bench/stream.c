/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One TCP stream from guest to guest that their programs have no work with: sent from the page
 * cache by sendfile, thrown away by the receiving kernel (MSG_TRUNC). An emulated CPU's copies from
 * and to programs would bound a stream whatever the NIC can do.
 *
 * "stream serve SETTLE_S" says that it is listening, and at the end of one connection the bytes
 * that came after SETTLE_S and in how many microseconds. "stream send ADDRESS SECONDS" is its other
 * end.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT       5201
#define FILE_BYTES (1u << 20)
#define USAGE      "usage: stream serve SETTLE_S | stream send ADDRESS SECONDS"

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int serve(double settle_s)
{
	static char nowhere[FILE_BYTES];
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, fd;
	double begin, from = 0, until = 0;
	unsigned long long bytes = 0;
	ssize_t n;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 1) < 0)
		err(1, "port %d", PORT);
	puts("listening");
	fflush(stdout);
	fd = accept(listener, NULL, NULL);
	begin = now();
	while ((n = recv(fd, nowhere, sizeof(nowhere), MSG_TRUNC)) > 0) {
		until = now();
		if (until < begin + settle_s)
			from = until;
		else
			bytes += (unsigned long long)n;
	}
	if (n < 0)
		err(1, "receive");
	printf("%llu %.0f\n", bytes, (until - from) * 1e6);
	return 0;
}

static int send_to(const char *address, double seconds)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int file = memfd_create("stream", MFD_CLOEXEC);
	static const char page[FILE_BYTES] = { 1 };
	double end;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		errx(1, "%s: no address", address);
	if (file < 0 || write(file, page, sizeof(page)) != (ssize_t)sizeof(page))
		err(1, "no file");
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "connect");
	for (end = now() + seconds; now() < end;) {
		off_t at = 0;

		while (at < FILE_BYTES)
			if (sendfile(fd, file, &at, FILE_BYTES - (size_t)at) < 0)
				err(1, "send");
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(atof(argv[2]));
	if (argc == 4 && strcmp(argv[1], "send") == 0)
		return send_to(argv[2], atof(argv[3]));
	errx(2, "%s", USAGE);
}
