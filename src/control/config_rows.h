/* SPDX-License-Identifier: ISC */
#ifndef CONFIG_ROWS_H
#define CONFIG_ROWS_H

#include "config_stages.h"
#include "ringspan/config.h"
#include "ringspan/config_keys.h"

/*
 * Config rows: what the files that the table of keys consists of (config_keys.h) share.
 *
 *   config_keys.c           the document, its bridges and the daemon; finding a row
 *   config_keys_port.c      a port, and which of its keys can have defaults
 *   config_keys_policy.c    what a port is told about floods, limits and rates
 *   config_keys_mirror.c    what a bridge is told about mirrors
 *   config_keys_reserved.c  reserved addresses, of a bridge and of a port
 *   config_complain.c       what a text may be
 */

#define N_ELEMENTS(x) (sizeof(x) / sizeof((x)[0]))

/*
 * What a text may be is said twice: by a function, which can say what is wrong, and by a pattern
 * for the schema. The schema's test asks both about every character that matters.
 */

#define CONTROLS         "\\u0000-\\u001f\\u007f-\\u009f"
#define TEXT_PATTERN     "^[^" CONTROLS "]*$"
#define NAME_CHARACTERS  "[^" CONTROLS " /:%]*$"
#define NAME_PATTERN     "^(?!\\.{1,2}$)" NAME_CHARACTERS
#define PORT_PATTERN     "^(?!(\\.{1,2}|lo)$)" NAME_CHARACTERS
#define MATCH_PATTERN    "^(?!\\.{1,2}$)(?=.*[*?\\[])" NAME_CHARACTERS
#define SOCKET_PATTERN   "^/[^" CONTROLS "]*[^" CONTROLS "/]$"
#define MAC_PATTERN      "^(?!00(:00){5}$)[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$"
#define NETNS_PATTERN    "^(/[^" CONTROLS "]*[^" CONTROLS "/]|(?!\\.{1,2}$)[^" CONTROLS "/]{1,255})$"
#define OCTET_PATTERN    "(0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
#define RECORDER_PATTERN "^[1-9][0-9]{0,2}MiB$"
#define LISTEN_PATTERN                                                                         \
    "^(127(\\." OCTET_PATTERN "){3}|\\[::1\\]):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|" \
    "65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$"
#define GROUP_PATTERN "^(?!-)[^" CONTROLS " :,/]*$"

/** NULL, or what is wrong with @text; see `complain` of struct config_key. */
const char *config_complain_control(const char *text);
const char *config_complain_name(const char *text);
const char *config_complain_port_name(const char *text);
const char *config_complain_match(const char *text);
const char *config_complain_source_match(const char *text);
const char *config_complain_listen(const char *text);
const char *config_complain_recorder(const char *text);
const char *config_complain_socket(const char *text);
const char *config_complain_netns(const char *text);
const char *config_complain_group(const char *text);
const char *config_complain_account(const char *text);

#define DESCRIPTION(field_offset)                                                               \
    {                                                                                           \
        .name = "description", .type = CONFIG_TEXT, .max = LIMIT_DESCRIPTION_SIZE - 1,          \
        .offset = (field_offset), .complain = config_complain_control, .pattern = TEXT_PATTERN, \
        .is_own = true, .help = "Text for people; it changes nothing.",                         \
    }

#define PLANNED(key)                          \
    {                                         \
        .name = (key), .type = CONFIG_PLANNED \
    }

extern const struct config_object config_bridge_reserved;
extern const struct config_object config_port_reserved;
extern const struct config_object config_flood;
extern const struct config_object config_storm_control;
extern const struct config_object config_policing;
extern const struct config_object config_mac_limit;
extern const struct config_object config_mirror;

bool config_has_storm_control(const void *port);
bool config_has_policing(const void *port);
bool config_has_mac_limit(const void *port);

#endif
