/* SPDX-License-Identifier: GPL-2.0 */
/* lbxdp, the command line client. All it does is in user/cli, where the tests can link it. */
#include "user/cli/cli.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
