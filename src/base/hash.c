/* SPDX-License-Identifier: ISC */
#include "ringspan/hash.h"

#include <errno.h>
#include <sys/random.h>

int hash_key_random(struct hash_key *ret_key)
{
    struct hash_key key;

    /* Up to 256 bytes arrive whole, or not at all if a signal interrupts (getrandom(2)). */
    for (;;) {
        ssize_t n = getrandom(&key, sizeof(key), 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        *ret_key = key;
        return 0;
    }
}
