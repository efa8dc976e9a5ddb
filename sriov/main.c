/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The program shunt-sriov: everything is in libraries, so that tests can link it. One thread.
 */
#include <locale.h>

#include "program.h"

int main(int argc, char **argv)
{
	setlocale(LC_ALL, "");
	return program_main(NULL, argc, argv);
}
