/* SPDX-License-Identifier: ISC */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "config_stages.h"
#include "ringspan/mac.h"

/* Cisco's and Windows' ways to write an address, and none at all. */
static bool read_other_mac(const char *text, uint64_t *ret_mac)
{
    char digits[MAC_STRING_SIZE];
    uint32_t n = 0;

    for (; *text; text++) {
        if (strchr("-.:", *text))
            continue;
        if (n == MAC_STRING_SIZE - 1)
            return false;
        if (n % 3 == 2)
            digits[n++] = ':';
        digits[n++] = *text;
    }
    digits[n] = '\0';
    return mac_parse(digits, ret_mac);
}

void config_parse_mac(const struct config_text *text, struct config_report *report,
                      const char *path, uint32_t node, struct json_object *json, uint64_t *ret_mac)
{
    const char *word = json_object_get_string(json);
    size_t offset = text->scan.nodes[node].start;
    char quoted[CONFIG_QUOTE_SIZE];
    char mac_text[MAC_STRING_SIZE];
    char hint[CONFIG_HINT_SIZE];
    uint64_t mac;

    if (!mac_parse(word, &mac)) {
        bool is_readable = read_other_mac(word, &mac);

        snprintf(hint, sizeof(hint), "write \"%s\"", mac_format(is_readable ? mac : 0, mac_text));
        config_report_add(report, offset, path, is_readable ? hint : NULL,
                          "%s is no address like 02:00:00:00:00:01", config_quote(word, quoted));
    } else if (mac_is_group(mac)) {
        config_report_add(report, offset, path, NULL,
                          "%s is a group address; one of a single host is needed", word);
    } else if (mac == 0) {
        config_report_add(report, offset, path, NULL, "%s is nobody's address", word);
    } else {
        *ret_mac = mac;
    }
}
