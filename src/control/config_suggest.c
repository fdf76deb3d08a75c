/* SPDX-License-Identifier: ISC */
#include <stdbool.h>
#include <string.h>

#include "config_stages.h"

/* Longer words than this are nobody's typing error. */
#define WORD_MAX 24

/* What users of other tools would type, folded, and our word for it. */
static const struct {
    const char *theirs;
    const char *ours;
} aliases[] = {
    {"age_time", "aging_time"},
    {"ageing", "aging_time"},
    {"aging", "aging_time"},
    {"aging_timeout", "aging_time"},
    {"max_age", "aging_time"},
    {"bridge", "bridges"},
    {"switch", "bridges"},
    {"switches", "bridges"},
    {"interface", "ports"},
    {"interfaces", "ports"},
    {"ifaces", "ports"},
    {"members", "ports"},
    {"links", "ports"},
    {"interface", "ifname"},
    {"iface", "ifname"},
    {"device", "ifname"},
    {"dev", "ifname"},
    {"if", "ifname"},
    {"nic", "ifname"},
    {"netdev", "ifname"},
    {"link", "ifname"},
    {"id", "name"},
    {"label", "name"},
    {"mac_table", "fdb"},
    {"forwarding_table", "fdb"},
    {"capacity", "max_entries"},
    {"limit", "max_entries"},
    {"max", "max_entries"},
    {"max_macs", "max_entries"},
    {"size", "max_entries"},
    {"group_fwd_mask", "reserved"},
    {"reserved_addresses", "reserved"},
    {"forward_bpdu", "reserved"},
    {"bpdu", "stp"},
    {"rstp", "stp"},
    {"mstp", "stp"},
    {"flow_control", "pause"},
    {"pfc", "pause"},
    {"mac_control", "pause"},
    {"slow_protocols", "lacp"},
    {"oam", "lacp"},
    {"eapol", "dot1x"},
    {"802.1x", "dot1x"},
    {"cdp", "cisco"},
    {"vtp", "cisco"},
    {"pvst", "cisco"},
    {"pass", "forward"},
    {"allow", "forward"},
    {"filter", "drop"},
    {"discard", "drop"},
    {"block", "drop"},
    {"deny", "drop"},
    {"trap", "consume"},
    {"bridge", "switch"},
    {"learning", "switch"},
    {"flood", "hub"},
    {"repeater", "hub"},
    {"cable", "wire"},
    {"link", "wire"},
    {"crossconnect", "wire"},
    {"local", "consume"},
    {"comment", "description"},
    {"comments", "description"},
    {"_comment", "description"},
    {"desc", "description"},
    {"alias", "description"},
    {"note", "description"},
    {"schema", "$schema"},
    {"driver", "type"},
    {"kind", "type"},
    {"ctl", "control"},
    {"logging", "log"},
    {"path", "socket"},
    {"sock", "socket"},
    {"loglevel", "level"},
    {"severity", "level"},
    {"verbosity", "level"},
    {"warn", "warning"},
    {"err", "error"},
    {"crit", "error"},
    {"trace", "debug"},
    {"verbose", "debug"},
    {"none", "customer_bridge"},
    {"standard", "customer_bridge"},
    {"vlan_filtering", "vlan_aware"},
    {"mcast_flood", "multicast"},
    {"bcast_flood", "broadcast"},
    {"unicast", "unknown_unicast"},
    {"isolated", "isolation_group"},
    {"hairpin_mode", "hairpin"},
    {"mac_learning", "learning"},
    {"tag", "pvid"},
    {"vid", "pvid"},
    {"native", "pvid"},
    {"native_vlan", "pvid"},
    {"trunks", "allowed"},
    {"vlans", "allowed"},
    {"vids", "allowed"},
    {"vlan_mode", "mode"},
    {"accept", "acceptable_frame_types"},
    {"qinq", "dot1q_tunnel"},
    {"tagged", "trunk"},
    {"untagged", "access"},
    {"802.1q", "0x8100"},
    {"802.1ad", "0x88a8"},
    {"source", "from"},
    {"sources", "from"},
    {"src", "from"},
    {"select_src_port", "from"},
    {"select_dst_port", "from"},
    {"select_vlan", "vlans"},
    {"destination", "output_port"},
    {"dst", "output_port"},
    {"output", "output_port"},
    {"to", "output_port"},
    {"rspan", "output_vlan"},
    {"remote_vlan", "output_vlan"},
    {"rx", "ingress"},
    {"in", "ingress"},
    {"tx", "egress"},
    {"out", "egress"},
    {"veth", "netdev"},
    {"ethernet", "netdev"},
    {"physical", "netdev"},
};

/* Case, hyphens and blanks are how words of other tools differ from ours. */
static bool fold(const char *word, char ret_folded[WORD_MAX + 1])
{
    size_t n = strlen(word);

    if (n > WORD_MAX)
        return false;
    for (size_t i = 0; i <= n; i++) {
        char c = word[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        ret_folded[i] = (c == '-' || c == ' ') ? '_' : c;
    }
    return true;
}

static uint32_t min3(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Letters added, missing, wrong, or swapped with their neighbour. */
static uint32_t edit_distance(const char *a, const char *b)
{
    uint32_t cost[WORD_MAX + 1][WORD_MAX + 1];
    size_t n = strlen(a);
    size_t m = strlen(b);

    for (uint32_t i = 0; i <= n; i++)
        cost[i][0] = i;
    for (uint32_t j = 0; j <= m; j++)
        cost[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            cost[i][j] = min3(cost[i - 1][j] + 1, cost[i][j - 1] + 1,
                              cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                cost[i - 2][j - 2] + 1 < cost[i][j])
                cost[i][j] = cost[i - 2][j - 2] + 1;
        }
    }
    return cost[n][m];
}

static const char *find(const char *word, const char *const *candidates, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(word, candidates[i]) == 0)
            return candidates[i];
    }
    return NULL;
}

static const char *find_alias(const char *folded, const char *const *candidates, uint32_t n)
{
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        const char *ours = NULL;

        if (strcmp(folded, aliases[i].theirs) == 0)
            ours = find(aliases[i].ours, candidates, n);
        if (ours)
            return ours;
    }
    return NULL;
}

static const char *find_nearest(const char *folded, const char *const *candidates, uint32_t n)
{
    uint32_t nearest = (uint32_t)strlen(folded) / 3 + 1;
    const char *found = NULL;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t distance;

        if (strlen(candidates[i]) > WORD_MAX)
            continue;
        distance = edit_distance(folded, candidates[i]);
        if (distance < nearest && distance < strlen(candidates[i])) {
            nearest = distance;
            found = candidates[i];
        }
    }
    return found;
}

const char *config_suggest(const char *word, const char *const *candidates, uint32_t n)
{
    char folded[WORD_MAX + 1];
    const char *found;

    if (!fold(word, folded))
        return NULL;
    found = find(folded, candidates, n);
    if (!found)
        found = find_alias(folded, candidates, n);
    return found ? found : find_nearest(folded, candidates, n);
}
