/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CTL_LAB_H
#define RINGSPAN_CTL_LAB_H

#include <fcntl.h>

#include "ctl_bench.h"
#include "ringspan/changes.h"
#include "ringspan/ctl_commands.h"

/*
 * Control lab: a daemon behind the bench's server. Its interfaces do not exist, so all of its ports
 * wait, and no privileges are needed; tests put ports into states and addresses into tables
 * themselves.
 *
 *   lab0   rsp-r1, rsp-r2     aging_time 100
 *   lab1   rsp-r3             reserved all
 */

struct lab {
    char file[80]; /* what the daemon reads again */
    struct daemon *daemon;
    struct changes *changes;
    struct ctl_commands *commands;
};

extern struct lab lab;

int lab_setup(void **state);
int lab_teardown(void **state);
#define LAB_TEST(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)

/* A file in memory with this text, and with seals (F_SEAL_…). */
int lab_memfd(const char *text, int seals);
#define LAB_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

/* Replaces the lab's file. */
void lab_write(const char *text);
void lab_learn(const char *port, uint16_t vid, uint64_t mac);
void lab_set_state(const char *port, enum port_state state, const char *why);

#endif
