/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_change.h"

/*
 * fdb.add, fdb.del. Static entries are configuration, so adding and deleting them are edits of
 * fdb.static; entries that age are the table's alone.
 */

/* What a call is about, its parameters checked. A copy of it is the state of the edit. */
struct entry_call {
    uint64_t mac;
    int64_t vlan; /* -1: not given */
    char port[LIMIT_NAME_SIZE];
    bool is_dynamic;
    bool is_sticky;
    bool replaces;
};

/* ---- parameters ---- */

static bool take_bool(const struct json_object *params, const char *key, bool *ret,
                      struct ctl_fault *ret_fault)
{
    struct json_object *value;

    if (!params || !json_object_object_get_ex(params, key, &value))
        return true;
    if (!json_object_is_type(value, json_type_boolean)) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "%s: not a boolean", key);
        return false;
    }
    *ret = json_object_get_boolean(value);
    return true;
}

static bool take_mac(const struct json_object *params, uint64_t *ret_mac,
                     struct ctl_fault *ret_fault)
{
    const char *mac = NULL;

    if (!ctl_params_string(params, "mac", &mac, ret_fault))
        return false;
    if (!mac)
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "mac: missing");
    else if (!mac_parse(mac, ret_mac))
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS,
                      "mac: '%.64s' is not an address like 02:00:00:00:00:01", mac);
    else if (mac_is_group(*ret_mac) || *ret_mac == 0)
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "mac: %s is not the address of a single host",
                      mac);
    else
        return true;
    return false;
}

static bool take_port(const struct daemon *daemon, const struct json_object *params,
                      char ret_port[LIMIT_NAME_SIZE], struct ctl_fault *ret_fault)
{
    const char *name = NULL;

    if (!ctl_params_string(params, "port", &name, ret_fault))
        return false;
    if (name && !ctl_find_port(daemon, name, NULL)) {
        ctl_fault_set(ret_fault, CTL_REFUSED, "there is no port named '%.64s'", name);
        return false;
    }
    snprintf(ret_port, LIMIT_NAME_SIZE, "%s", name ? name : "");
    return true;
}

static bool take_entry(const struct daemon *daemon, const struct json_object *params,
                       const char *const *known, struct entry_call *ret_entry,
                       struct ctl_fault *ret_fault)
{
    *ret_entry = (struct entry_call){.vlan = -1};
    return ctl_params_known(params, known, ret_fault) &&
           take_mac(params, &ret_entry->mac, ret_fault) &&
           ctl_params_integer(params, "vlan", 0, 4094, &ret_entry->vlan, ret_fault) &&
           take_port(daemon, params, ret_entry->port, ret_fault) &&
           take_bool(params, "dynamic", &ret_entry->is_dynamic, ret_fault) &&
           take_bool(params, "sticky", &ret_entry->is_sticky, ret_fault) &&
           take_bool(params, "replace", &ret_entry->replaces, ret_fault);
}

/* ---- edits of the document ---- */

static struct json_object *statics_of(struct json_object *bridge)
{
    return json_object_object_get(json_object_object_get(bridge, "fdb"), "static");
}

static const char *string_of(struct json_object *object, const char *key)
{
    return json_object_get_string(json_object_object_get(object, key));
}

static bool is_of_address(struct json_object *element, const struct entry_call *entry)
{
    char mac[MAC_STRING_SIZE];
    int64_t vlan = json_object_get_int64(json_object_object_get(element, "vlan"));

    return strcmp(string_of(element, "mac"), mac_format(entry->mac, mac)) == 0 &&
           (entry->vlan < 0 || entry->vlan == vlan);
}

static struct json_object *new_element(const struct entry_call *entry)
{
    struct json_object *element = json_object_new_object();
    char mac[MAC_STRING_SIZE];

    if (!element)
        return NULL;
    json_object_object_add(element, "mac", json_object_new_string(mac_format(entry->mac, mac)));
    json_object_object_add(element, "port", json_object_new_string(entry->port));
    if (entry->vlan > VID_NONE)
        json_object_object_add(element, "vlan", json_object_new_int64(entry->vlan));
    if (entry->is_sticky)
        json_object_object_add(element, "sticky", json_object_new_boolean(true));
    return element;
}

/* Where the address is in the list, or where it would be added. */
static size_t find_element(struct json_object *list, const struct entry_call *entry)
{
    size_t i = 0;

    while (i < json_object_array_length(list) &&
           !is_of_address(json_object_array_get_idx(list, i), entry))
        i++;
    return i;
}

static int alter_by_add(void *state, struct json_object *document, char ret_why[CHANGE_WHY_SIZE])
{
    const struct entry_call *entry = state;
    struct json_object *element;
    struct json_object *list;
    struct ctl_place place;
    char mac[MAC_STRING_SIZE];
    size_t i;

    if (!ctl_find_place(document, entry->port, &place))
        return ctl_no_such_port(document, entry->port, ret_why);
    list = statics_of(place.bridge);
    i = find_element(list, entry);
    if (i < json_object_array_length(list) && !entry->replaces) {
        snprintf(ret_why, CHANGE_WHY_SIZE, "%s has a static entry already, on port %s",
                 mac_format(entry->mac, mac),
                 string_of(json_object_array_get_idx(list, i), "port"));
        return -EEXIST;
    }
    element = new_element(entry);
    return element && json_object_array_put_idx(list, i, element) == 0 ? 0 : -ENOMEM;
}

static bool is_meant(struct json_object *element, const struct entry_call *entry)
{
    return is_of_address(element, entry) &&
           (!*entry->port || strcmp(string_of(element, "port"), entry->port) == 0);
}

static uint32_t del_from(struct json_object *list, const struct entry_call *entry)
{
    uint32_t n = 0;

    for (size_t i = json_object_array_length(list); i-- > 0;) {
        if (is_meant(json_object_array_get_idx(list, i), entry)) {
            json_object_array_del_idx(list, i, 1);
            n++;
        }
    }
    return n;
}

static void say_no_entry(const struct entry_call *entry, char *ret_text, size_t size)
{
    char mac[MAC_STRING_SIZE];

    snprintf(ret_text, size, "there is no entry of %s%s%s", mac_format(entry->mac, mac),
             *entry->port ? " on port " : "", entry->port);
}

static int alter_by_del(void *state, struct json_object *document, char ret_why[CHANGE_WHY_SIZE])
{
    struct json_object *bridges = json_object_object_get(document, "bridges");
    const struct entry_call *entry = state;
    uint32_t n = 0;

    for (size_t i = 0; i < json_object_array_length(bridges); i++)
        n += del_from(statics_of(json_object_array_get_idx(bridges, i)), entry);
    if (n == 0)
        say_no_entry(entry, ret_why, CHANGE_WHY_SIZE);
    return n > 0 ? 0 : -ENOENT;
}

static const struct change_edit edit_add = {"fdb.add", alter_by_add, free, NULL};
static const struct change_edit edit_del = {"fdb.del", alter_by_del, free, NULL};

static void begin(struct ctl_call *call, const struct ctl_commands *commands,
                  const struct change_edit *edit, const struct entry_call *entry)
{
    struct entry_call *copy = malloc(sizeof(*copy));
    struct change *change = NULL;
    int r = -ENOMEM;

    if (copy) {
        *copy = *entry;
        r = changes_edit(commands->changes, edit, copy, ctl_change_answer, call, &change);
    }
    ctl_change_deferred(call, r, change);
}

/* ---- the table ---- */

static void answer_without_steps(struct ctl_call *call)
{
    struct json_writer *writer = ctl_call_open(call);

    json_open_object(writer, NULL);
    json_open_array(writer, "steps");
    json_close_array(writer);
    json_close_object(writer);
    ctl_call_close(call);
}

static void refuse(struct ctl_call *call, const char *sentence)
{
    struct ctl_fault fault;

    ctl_fault_set(&fault, CTL_REFUSED, "%s", sentence);
    ctl_call_fault(call, &fault);
}

static uint16_t vid_of(const struct entry_call *entry)
{
    return (uint16_t)(entry->vlan > VID_NONE ? entry->vlan : VID_NONE);
}

/* An entry of a port that nothing is heard behind would keep frames to the address from being
 * flooded, and nothing that happens to the port would take it away. */
static bool may_be_heard(const struct bridge *bridge, const struct port *port, uint16_t vid,
                         struct ctl_fault *ret_fault)
{
    const struct vlan_table *vlans = bridge_vlans(bridge);

    if (!vlans && vid != VID_NONE)
        ctl_fault_set(ret_fault, CTL_REFUSED, "the bridge is transparent to tags: it has no VLANs");
    else if (vlans && vid == VID_NONE)
        ctl_fault_set(ret_fault, CTL_REFUSED, "which vlan? The bridge is VLAN-aware");
    else if (bridge_tables(bridge)->activity[port->id] == PORT_ACTIVITY_NONE)
        ctl_fault_set(ret_fault, CTL_REFUSED, "port %s is %s: nothing is heard behind it",
                      port->name, port_state_name(port->state));
    else if (mirrors_has_output(bridge_mirrors(bridge), port->id))
        ctl_fault_set(ret_fault, CTL_REFUSED,
                      "port %s is the output_port of a mirror: nothing is heard behind it",
                      port->name);
    else if (vlans && vlan_table_floods(vlans, vid))
        ctl_fault_set(ret_fault, CTL_REFUSED,
                      "everything in VLAN %u is flooded: no address is looked up there", vid);
    else if (vlans && !vlan_table_has(vlans, vid, port->id))
        ctl_fault_set(ret_fault, CTL_REFUSED, "port %s is not in VLAN %u", port->name, vid);
    else
        return true;
    return false;
}

static void add_dynamic(struct ctl_call *call, const struct ctl_commands *commands,
                        const struct entry_call *entry)
{
    struct bridge *bridge;
    const struct port *port = ctl_find_port(commands->daemon, entry->port, &bridge);
    const struct fdb_entry wanted = {
        .mac = entry->mac,
        .vid = vid_of(entry),
        .port = port->id,
        .seen = daemon_now(commands->daemon),
        .is_sticky = entry->is_sticky,
    };
    struct ctl_fault fault;
    int r;

    if (bridge_get_mode(bridge) != BRIDGE_SWITCH) {
        refuse(call, "a bridge of this mode learns no addresses");
        return;
    }
    if (!may_be_heard(bridge, port, wanted.vid, &fault)) {
        ctl_call_fault(call, &fault);
        return;
    }
    r = daemon_add_entry(commands->daemon, bridge, &wanted);
    if (r == -EEXIST)
        refuse(call, "the address has a static entry");
    else if (r < 0)
        refuse(call, "the table has no room: all of its entries are static");
    else
        answer_without_steps(call);
}

/* What is meant: learned entries are forgotten, and static ones found. */
struct found {
    bool learned;
    bool statics;
};

static void del_in_vlan(struct bridge *bridge, uint16_t vid, const struct entry_call *entry,
                        uint64_t now, struct found *found)
{
    struct fdb *fdb = bridge_fdb(bridge);
    const struct port *port = bridge_port(bridge, fdb_lookup(fdb, vid, entry->mac, now));

    if (!port || (*entry->port && strcmp(port->name, entry->port) != 0))
        return;
    if (fdb_is_static(fdb, vid, entry->mac))
        found->statics = true;
    else
        found->learned |= fdb_del(fdb, vid, entry->mac, now);
}

static struct found del_learned(const struct daemon *daemon, const struct entry_call *entry)
{
    uint64_t now = daemon_now(daemon);
    struct found found = {0};

    for (uint32_t i = 0; i < daemon_n_bridges(daemon); i++) {
        struct bridge *bridge = daemon_bridge(daemon, i);
        bool in_all = bridge_vlans(bridge) && entry->vlan < 0;

        if (!in_all)
            del_in_vlan(bridge, vid_of(entry), entry, now, &found);
        for (uint16_t vid = VID_MIN; in_all && vid <= VID_MAX; vid++)
            del_in_vlan(bridge, vid, entry, now, &found);
    }
    return found;
}

/* ---- the methods ---- */

void ctl_fdb_add(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"mac",    "port",    "vlan", "dynamic",
                                        "sticky", "replace", NULL};
    const struct ctl_commands *commands = context;
    struct entry_call entry;
    struct ctl_fault fault;
    bool is_fine = take_entry(commands->daemon, params, known, &entry, &fault);

    entry.vlan = vid_of(&entry);
    if (!is_fine) {
        ctl_call_fault(call, &fault);
    } else if (!*entry.port) {
        ctl_fault_set(&fault, CTL_INVALID_PARAMS, "port: missing");
        ctl_call_fault(call, &fault);
    } else if (entry.is_dynamic) {
        add_dynamic(call, commands, &entry);
    } else {
        begin(call, commands, &edit_add, &entry);
    }
}

void ctl_fdb_del(struct ctl_call *call, const struct json_object *params, void *context)
{
    static const char *const known[] = {"mac", "port", "vlan", NULL};
    const struct ctl_commands *commands = context;
    char sentence[CHANGE_WHY_SIZE];
    struct entry_call entry;
    struct ctl_fault fault;
    struct found found;

    if (!take_entry(commands->daemon, params, known, &entry, &fault)) {
        ctl_call_fault(call, &fault);
        return;
    }
    found = del_learned(commands->daemon, &entry);
    if (found.statics) {
        begin(call, commands, &edit_del, &entry);
    } else if (found.learned) {
        answer_without_steps(call);
    } else {
        say_no_entry(&entry, sentence, sizeof(sentence));
        refuse(call, sentence);
    }
}
