/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CLI_H
#define RINGSPAN_CLI_H

/*
 * CLI: `ringspan [-j] [-p] [-S SOCKET] OBJECT [COMMAND]`, in the habits of iproute2.
 *
 * Words may be shortened as long as they begin like the word; of several, the first in the list of
 * `ringspan help` is meant. Tables are for people and may change; JSON (-j) is for programs: always
 * an array, `[]` if there is nothing, with the field names of the daemon's answers.
 * Standard output gets the whole answer or nothing; errors are sentences on standard error.
 */

enum cli_exit {
    CLI_OK = 0,
    CLI_USAGE = 1,
    CLI_REFUSED = 2,     /* the daemon understood, and said no */
    CLI_UNREACHABLE = 3, /* no daemon, or it stopped answering */
    CLI_INVALID = 4,     /* the configuration is not valid */
    CLI_PERMISSION = 5,
    CLI_IMBALANCE = 6, /* the ledger does not balance */
    CLI_UNWELL = 7,    /* `doctor` found a problem */
};

/** The whole command-line tool; returns the exit status. */
int cli_main(int argc, char **argv);

#endif
