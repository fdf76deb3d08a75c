/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_LOOPBACK_H
#define RINGSPAN_LOOPBACK_H

#include <netinet/in.h>

/*
 * Loopback: an address and a port that nobody reaches from another machine, "127.0.0.1:9955" or
 * "[::1]:9955".
 *
 * Names are not taken: what "localhost" is, a file decides. IPv4 is any of 127.0.0.0/8 in four
 * decimal numbers, IPv6 is ::1, and the port is within 1..65535.
 */

struct loopback {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t len;
};

/** NULL and an address, or what is wrong with @text: "is …". */
const char *loopback_parse(const char *text, struct loopback *ret);

#endif
