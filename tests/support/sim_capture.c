/* SPDX-License-Identifier: ISC */
#include "sim_capture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ringspan/clock.h"
#include "ringspan/limits.h"
#include "ringspan/pcapng.h"

#define CHUNK ((size_t)1 << 20)

static uint64_t noon(void)
{
    return 12 * 3600 * NS_PER_SEC;
}

int sim_capture_begin(struct sim_capture *capture, struct bridge *bridge)
{
    const struct capture_params params = {.buffer = LIMIT_CAPTURE_BUFFER_MIN, .segments = true};
    int r = event_loop_new(&capture->loop);

    if (r == 0)
        r = capture_new(capture->loop, noon, &capture->capture);
    if (r == 0)
        r = capture_start(capture->capture, &params, &capture->fd);
    if (r == 0)
        bridge_set_capture(bridge, capture->capture);
    return r;
}

static uint32_t word_at(const uint8_t *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* The first number of a statistics block's options, behind the time when it began. */
static uint64_t received_in(const uint8_t *block)
{
    uint64_t received;

    memcpy(&received, block + 20 + 12 + 4, sizeof(received));
    return received;
}

/* Whole blocks of @bytes; adds up what the statistics among them say. */
static size_t read_blocks(const uint8_t *bytes, size_t len, uint64_t *received)
{
    size_t at = 0;

    while (at + 8 <= len && word_at(bytes + at + 4) <= len - at) {
        if (word_at(bytes + at) == PCAPNG_STATISTICS)
            *received += received_in(bytes + at);
        at += word_at(bytes + at + 4);
    }
    return at;
}

uint64_t sim_capture_end(struct sim_capture *capture)
{
    uint8_t *bytes = malloc(CHUNK);
    uint64_t received = 0;
    size_t len = 0;
    ssize_t n;

    shutdown(capture->fd, SHUT_WR);
    do {
        size_t whole;

        event_loop_turn(capture->loop, 0);
        n = recv(capture->fd, bytes + len, CHUNK - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        whole = read_blocks(bytes, len, &received);
        len -= whole;
        memmove(bytes, bytes + whole, len);
    } while (n != 0);
    free(bytes);
    close(capture->fd);
    capture_free(capture->capture);
    event_loop_free(capture->loop);
    return received;
}
