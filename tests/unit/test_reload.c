/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl_lab.h"

/* How often a reload tells the bridge what has changed: the linker hands these calls to us. */

static uint32_t n_vlan_changes;
static uint32_t n_policy_changes;
static uint32_t n_reserved_changes;

void __real_bridge_set_port_vlan(struct bridge *bridge, port_id id,
                                 const struct vlan_settings *settings, uint64_t now);
void __wrap_bridge_set_port_vlan(struct bridge *bridge, port_id id,
                                 const struct vlan_settings *settings, uint64_t now);
void __real_bridge_set_port_policy(struct bridge *bridge, port_id id,
                                   const struct port_policy *policy, uint64_t now);
void __wrap_bridge_set_port_policy(struct bridge *bridge, port_id id,
                                   const struct port_policy *policy, uint64_t now);
void __real_bridge_set_port_reserved(struct bridge *bridge, port_id id,
                                     const struct reserved_settings *settings);
void __wrap_bridge_set_port_reserved(struct bridge *bridge, port_id id,
                                     const struct reserved_settings *settings);

void __wrap_bridge_set_port_vlan(struct bridge *bridge, port_id id,
                                 const struct vlan_settings *settings, uint64_t now)
{
    n_vlan_changes++;
    __real_bridge_set_port_vlan(bridge, id, settings, now);
}

void __wrap_bridge_set_port_policy(struct bridge *bridge, port_id id,
                                   const struct port_policy *policy, uint64_t now)
{
    n_policy_changes++;
    __real_bridge_set_port_policy(bridge, id, policy, now);
}

void __wrap_bridge_set_port_reserved(struct bridge *bridge, port_id id,
                                     const struct reserved_settings *settings)
{
    n_reserved_changes++;
    __real_bridge_set_port_reserved(bridge, id, settings);
}

static void note(void *arg, const struct change_result *result)
{
    uint32_t *n_steps = arg;

    assert_int_equal(result->error, 0);
    *n_steps = result->plan->n_steps;
}

static uint32_t apply(const char *text)
{
    int fd = lab_memfd(text, LAB_SEALS);
    uint32_t n_steps = UINT32_MAX;

    assert_int_equal(changes_apply(lab.changes, fd, "new.json", 0, note, &n_steps, NULL), 0);
    TURN_UNTIL(n_steps != UINT32_MAX);
    return n_steps;
}

#define DOCUMENT(port1, port2)                                                                         \
    "{\"version\":1,\"bridges\":[{\"name\":\"lab1\",\"vlan_aware\":true,\"fdb\":{\"max_entries\":16}," \
    "\"ports\":[{\"name\":\"rsp-r3\"," port1 "},{\"name\":\"rsp-r4\"," port2 "}]}]}"
#define BEFORE "\"vlan\":{\"mode\":\"access\",\"pvid\":1}"
#define AFTER                                                                                         \
    "\"vlan\":{\"mode\":\"native_tagged\",\"pvid\":10,\"allowed\":[\"20-29\"],\"description\":\"x\"," \
    "\"acceptable_frame_types\":\"vlan_tagged\"},\"translate\":{\"5\":25},\"learning\":false,"        \
    "\"hairpin\":true,\"mac_limit\":{\"max\":5,\"action\":\"flood\"},"                                \
    "\"reserved\":{\"stp\":\"forward\",\"lacp\":\"forward\"}"

static void test_one_change_a_port_however_many_keys(void **state)
{
    apply(DOCUMENT(BEFORE, BEFORE));
    n_vlan_changes = n_policy_changes = n_reserved_changes = 0;
    /* Six keys of VLANs, four of policy, two of reserved addresses: twelve for each port. */
    assert_int_equal(apply(DOCUMENT(AFTER, AFTER)), 24);
    assert_int_equal(n_vlan_changes, 2);
    assert_int_equal(n_policy_changes, 2);
    assert_int_equal(n_reserved_changes, 2);
    /* A port that stays as it is has none. */
    assert_int_equal(apply(DOCUMENT(BEFORE, AFTER)), 12);
    assert_int_equal(n_vlan_changes, 3);
    assert_int_equal(n_policy_changes, 3);
    assert_int_equal(n_reserved_changes, 3);
}

#define MANY(port)                                                                             \
    "{\"version\":1,\"bridges\":[{\"name\":\"lab1\",\"vlan_aware\":true,\"ports\":[{\"name\":" \
    "\"rsp-r3\"," port "}]}]}"

static void learn_many(struct bridge *bridge)
{
    for (uint64_t mac = 0x020000000000; mac < 0x020000000000 + 3000; mac++) {
        struct fdb_plan plan;

        fdb_plan_learn(bridge_fdb(bridge), 1, mac, 0, daemon_now(lab.daemon), &plan);
        fdb_commit(bridge_fdb(bridge), &plan);
    }
}

/* What a change forgets of very many is reclaimed soon, though nothing has to age for minutes. */
static void test_what_a_change_forgets_is_reclaimed(void **state)
{
    struct bridge *bridge;

    apply(MANY("\"vlan\":{\"mode\":\"access\",\"pvid\":1},\"mac_limit\":{\"max\":3000}"));
    bridge = daemon_bridge_by_name(lab.daemon, "lab1");
    learn_many(bridge);
    apply(MANY("\"vlan\":{\"mode\":\"access\",\"pvid\":1},\"mac_limit\":{\"max\":1500}"));
    TURN_UNTIL(fdb_used(bridge_fdb(bridge)) == 1024);
    learn_many(bridge);
    apply(MANY("\"vlan\":{\"mode\":\"access\",\"pvid\":2},\"mac_limit\":{\"max\":1500}"));
    TURN_UNTIL(fdb_used(bridge_fdb(bridge)) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_change_a_port_however_many_keys, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(test_what_a_change_forgets_is_reclaimed, lab_setup,
                                        lab_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
