/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The program shunt: everything is in the library, so that tests can link it. One thread.
 */
#include <locale.h>

#include "cli.h"

int main(int argc, char **argv)
{
	setlocale(LC_ALL, "");
	return cli_main(argc, argv);
}
