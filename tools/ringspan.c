/* SPDX-License-Identifier: ISC */
#include "ringspan/cli.h"
#include "ringspan/process.h"

int main(int argc, char **argv)
{
    int status = process_reserve_standard_descriptors();

    return status == 0 ? cli_main(argc, argv) : status;
}
