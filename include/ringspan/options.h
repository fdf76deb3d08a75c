/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_OPTIONS_H
#define RINGSPAN_OPTIONS_H

#include <stdbool.h>

#include "ringspan/config.h"
#include "ringspan/log.h"

/*
 * Options: the daemon's command line. There is little of it, because the file says everything; what
 * is here is which file, and how loud.
 */

struct options {
    const char *config; /* a path, or "-" */
    bool has_log_level; /* else the file's */
    enum log_level log_level;
};

enum options_outcome {
    OPTIONS_RUN,
    OPTIONS_DONE,  /* --help and --version: printed */
    OPTIONS_WRONG, /* said what is wrong on standard error */
};

/** @ret_options refers to @argv's strings. */
enum options_outcome options_parse(int argc, char **argv, struct options *ret_options);

/** Reads the file, and puts what the command line says in place of what the file says. EX_OK and a
 * configuration, or EX_CONFIG after saying on standard error what is wrong. */
int options_read_config(const struct options *options, struct config **ret_config);

#endif
