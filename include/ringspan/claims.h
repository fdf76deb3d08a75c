/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CLAIMS_H
#define RINGSPAN_CLAIMS_H

#include <stdbool.h>

#include "ringspan/config.h"

/*
 * Claims: which interfaces the ports with names want, whether these exist or not.
 *
 * A port that a pattern makes is called what its interface is called, so a port with a name keeps
 * two things from patterns: the interface that it uses, in its network namespace, and its own name,
 * which is unique in the daemon.
 *
 * Pure, and made of one configuration, into which it points: free it before that.
 */

struct claims;

/** 0 or -ENOMEM. claims_free(NULL) is fine. */
int claims_new(const struct config *config, struct claims **ret);
void claims_free(struct claims *claims);

/** Whether a port has this name. */
bool claims_has_name(const struct claims *claims, const char *name);
/** The bridge whose port uses this interface; @netns as the configuration calls it, NULL for the
 * daemon's own. NULL if there is none. */
const struct config_bridge *claims_bridge(const struct claims *claims, const char *netns,
                                          const char *ifname);

#endif
