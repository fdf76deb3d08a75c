/* SPDX-License-Identifier: ISC */
#include "capture_filter.h"
#include "cli_command.h"

int cli_compile_filter(const char *expression, char **ret_program)
{
    return cli_fail(CLI_USAGE, "--filter: this ringspan was built without libpcap");
}
