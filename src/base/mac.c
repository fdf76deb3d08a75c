/* SPDX-License-Identifier: ISC */
#include "ringspan/mac.h"

#include <stdio.h>

const char *mac_format(uint64_t mac, char ret_string[MAC_STRING_SIZE])
{
    uint8_t b[6];

    mac_store(mac, b);
    snprintf(ret_string, MAC_STRING_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
             b[4], b[5]);
    return ret_string;
}

/* isxdigit() and friends follow the locale; an address does not. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool mac_parse(const char *string, uint64_t *ret_mac)
{
    uint64_t mac = 0;

    for (int i = 0; i < MAC_STRING_SIZE - 1; i++) {
        int digit;

        if (i % 3 == 2) {
            if (string[i] != ':')
                return false;
            continue;
        }
        digit = hex_digit(string[i]);
        if (digit < 0)
            return false;
        mac = mac << 4 | (uint64_t)digit;
    }
    if (string[MAC_STRING_SIZE - 1] != '\0')
        return false;
    *ret_mac = mac;
    return true;
}
