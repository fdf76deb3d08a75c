/* SPDX-License-Identifier: ISC */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What fuzz targets have in common. A target, fuzz_NAME.c, has LLVMFuzzerTestOneInput() and is
 * built twice: with libFuzzer if the option `fuzzing` is on, and with replay.c always, which runs
 * it over corpus/NAME/ as a test. What a fuzzer once found goes into that folder.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Ends the process, with the place and the condition, if it does not hold; in every build. */
#define fuzz_require(condition)                                             \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

#endif
