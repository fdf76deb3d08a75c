/* SPDX-License-Identifier: ISC */
/* Each case is two configurations and the plan between them, written as people would say it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ringspan/plan.h"

#define PLAN_SIZE 1024

struct plan_case {
    const char *name;
    const char *now; /* what stands in "bridges", or a whole document if it begins with '{' */
    const char *next;
    const char *plan; /* "op bridge port key disruption;"…, "-" for what is absent */
};

static const struct plan_case cases[] = {
    {"the same", "[{'name':'a','ports':[{'name':'x'}]}]", "[{'name':'a','ports':[{'name':'x'}]}]",
     ""},
    {"defaults written out", "[{'name':'a','ports':[{'name':'x'}]}]",
     "[{'name':'a','aging_time':300,'reserved':'transparent','fdb':{'max_entries':65536},"
     "'ports':[{'name':'x','ifname':'x','type':'netdev'}]}]",
     ""},
    {"another order", "[{'name':'a','ports':[{'name':'x'},{'name':'y'}]},{'name':'b'}]",
     "[{'name':'b'},{'name':'a','ports':[{'name':'y'},{'name':'x'}]}]", ""},
    {"a port more", "[{'name':'a','ports':[{'name':'x'}]}]",
     "[{'name':'a','ports':[{'name':'x'},{'name':'y'}]}]", "add a y - none;"},
    {"a port less", "[{'name':'a','ports':[{'name':'x'},{'name':'y'}]}]",
     "[{'name':'a','ports':[{'name':'y'}]}]", "del a x - none;"},
    {"a bridge more, with its ports", "[{'name':'a'}]",
     "[{'name':'b','ports':[{'name':'x'},{'name':'y'}]},{'name':'a'}]",
     "add b - - none;add b x - none;add b y - none;"},
    {"a bridge less: its ports go first", "[{'name':'a','ports':[{'name':'x'}]},{'name':'b'}]",
     "[{'name':'b'}]", "del a x - none;del a - - none;"},
    {"a port in another bridge", "[{'name':'a','ports':[{'name':'x'}]},{'name':'b'}]",
     "[{'name':'a'},{'name':'b','ports':[{'name':'x'}]}]", "del a x - none;add b x - none;"},
    {"another interface", "[{'name':'a','ports':[{'name':'x'}]}]",
     "[{'name':'a','ports':[{'name':'x','ifname':'y'}]}]", "change a x ifname reopen;"},
    {"settings of a port", "[{'name':'a','ports':[{'name':'x'},{'name':'y','qdisc_bypass':true}]}]",
     "[{'name':'a','ports':[{'name':'x','qdisc_bypass':true},{'name':'y'}]}]",
     "change a x qdisc_bypass none;change a y qdisc_bypass none;"},
    {"another network namespace, with another interface",
     "[{'name':'a','ports':[{'name':'x'},{'name':'y','netns':'n'},{'name':'z','netns':'n'}]}]",
     "[{'name':'a','ports':[{'name':'x','netns':'m','ifname':'e'},{'name':'y'},{'name':'z',"
     "'netns':'n'}]}]",
     "change a x netns reopen;change a x ifname reopen;change a y netns reopen;"},
    {"a port that becomes a tap", "[{'name':'a','ports':[{'name':'x'}]}]",
     "[{'name':'a','ports':[{'name':'x','type':'tap'}]}]", "del a x - none;add a x - none;"},
    {"a tap with another interface", "[{'name':'a','ports':[{'name':'x','type':'tap'}]}]",
     "[{'name':'a','ports':[{'name':'x','type':'tap','ifname':'y'}]}]",
     "del a x - none;add a x - none;"},
    {"a tap in another network namespace", "[{'name':'a','ports':[{'name':'x','type':'tap'}]}]",
     "[{'name':'a','ports':[{'name':'x','type':'tap','netns':'n'}]}]",
     "del a x - none;add a x - none;"},
    {"what a tap is like",
     "[{'name':'a','ports':[{'name':'x','type':'tap','owner':'o','mtu':68}]}]",
     "[{'name':'a','ports':[{'name':'x','type':'tap','owner':'p','group':'g','speed':10,"
     "'mac':'02:00:00:00:00:01','persist':false}]}]",
     "change a x owner none;change a x group none;change a x mtu none;change a x mac none;"
     "change a x speed none;change a x persist none;"},
    {"who may open a tap, and the default", "[{'name':'a','ports':[{'name':'x','type':'tap'}]}]",
     "[{'name':'a','ports':[{'name':'x','type':'tap','owner':'o'}]}]", "change a x owner none;"},
    {"a group instead of the default owner", "[{'name':'a','ports':[{'name':'x','type':'tap'}]}]",
     "[{'name':'a','ports':[{'name':'x','type':'tap','group':'g'}]}]", "change a x group reopen;"},
    {"a group instead of an owner",
     "[{'name':'a','ports':[{'name':'x','type':'tap','owner':'o'}]}]",
     "[{'name':'a','ports':[{'name':'x','type':'tap','group':'g'}]}]",
     "change a x owner reopen;change a x group reopen;"},
    {"no group any more",
     "[{'name':'a','ports':[{'name':'x','type':'tap','owner':'o','group':'g'}]}]",
     "[{'name':'a','ports':[{'name':'x','type':'tap','owner':'o'}]}]", "change a x group reopen;"},
    {"isolation: of a bridge, and of the ports that follow it",
     "[{'name':'a','ports':[{'name':'x'},{'name':'y','isolate_host':false}]}]",
     "[{'name':'a','isolate_host':false,'ports':[{'name':'x'},{'name':'y','isolate_host':false}]}]",
     "change a - isolate_host none;change a x isolate_host none;"},
    {"isolation, asked for", "[{'name':'a','ports':[{'name':'x'}]}]",
     "[{'name':'a','ports':[{'name':'x','isolate_host':true}]}]", "change a x isolate_host none;"},
    {"settings of a bridge", "[{'name':'a'}]",
     "[{'name':'a','description':'d','aging_time':10,'reserved':'all','fdb':{'max_entries':16}}]",
     "change a - description none;change a - aging_time none;change a - reserved none;"
     "change a - fdb.max_entries flush;"},
    {"latency", "[{'name':'a'},{'name':'b','latency':{'every':1}}]",
     "[{'name':'a','latency':{'every':1}},{'name':'b','latency':{'every':2,'description':'d'}}]",
     "change a - latency.every none;change b - latency.every none;"
     "change b - latency.description none;"},
    {"latency, no more", "[{'name':'a','latency':{'every':1}}]", "[{'name':'a'}]",
     "change a - latency.every none;"},
    {"another mode", "[{'name':'a','mode':'wire','ports':[{'name':'x'},{'name':'y'}]}]",
     "[{'name':'a','reserved':'all','ports':[{'name':'x'},{'name':'y'}]}]",
     "change a - mode flush;change a - reserved none;"},
    {"policies of a bridge and of its ports",
     "[{'name':'a','reserved':'all','ports':[{'name':'x'},{'name':'y','reserved':{'stp':'drop'}},"
     "{'name':'z','reserved':'all'}]}]",
     "[{'name':'a','reserved':{'lacp':'drop','cisco':'consume','description':'d'},'ports':["
     "{'name':'x','reserved':'customer_bridge'},{'name':'y','reserved':{'stp':'consume'}},"
     "{'name':'z'}]}]",
     "change a - reserved none;change a - reserved.lacp none;change a - reserved.cisco none;"
     "change a - reserved.description none;change a x reserved none;change a y reserved.stp none;"
     "change a z reserved none;"},
    {"policies written out", "[{'name':'a','reserved':'all','ports':[{'name':'x'}]}]",
     "[{'name':'a','reserved':{'preset':'all'},'ports':[{'name':'x','reserved':{}}]}]", ""},
    {"a static entry more", "[{'name':'a','ports':[{'name':'x'}]}]",
     "[{'name':'a','fdb':{'static':[{'mac':'02:00:00:00:00:01','port':'x'}]},'ports':[{'name':'x'}]}]",
     "change a - fdb.static none;"},
    {"static entries in another order",
     "[{'name':'a','fdb':{'static':[{'mac':'02:00:00:00:00:01','port':'x'},"
     "{'mac':'02:00:00:00:00:02','port':'x'}]},'ports':[{'name':'x'}]}]",
     "[{'name':'a','fdb':{'static':[{'mac':'02:00:00:00:00:02','port':'x','sticky':false},"
     "{'mac':'02:00:00:00:00:01','port':'x'}]},'ports':[{'name':'x'}]}]",
     ""},
    {"a static entry on another port",
     "[{'name':'a','fdb':{'static':[{'mac':'02:00:00:00:00:01','port':'x'}]},"
     "'ports':[{'name':'x'},{'name':'y'}]}]",
     "[{'name':'a','fdb':{'static':[{'mac':'02:00:00:00:00:01','port':'y'}]},"
     "'ports':[{'name':'x'},{'name':'y'}]}]",
     "change a - fdb.static none;"},
    {"a static entry that leaves with its port",
     "[{'name':'a','fdb':{'static':[{'mac':'02:00:00:00:00:01','port':'x'}]},'ports':[{'name':'x'}]}]",
     "[{'name':'a'}]", "del a x - none;change a - fdb.static none;"},
    {"a bridge with static entries", "[{'name':'b'}]",
     "[{'name':'b'},{'name':'a','fdb':{'static':[{'mac':'02:00:00:00:00:01','port':'x'}]},"
     "'ports':[{'name':'x'}]}]",
     "add a - - none;add a x - none;"},
    {"a mirror", "[{'name':'a','ports':[{'name':'x'}]}]",
     "[{'name':'a','mirror':[{'name':'m','output_port':'x'}],'ports':[{'name':'x'}]}]",
     "change a - mirror flush;"},
    {"a mirror of other frames to where it was",
     "[{'name':'a','mirror':[{'name':'m','output_port':'x'}],'ports':[{'name':'x'}]}]",
     "[{'name':'a','mirror':[{'name':'m','snaplen':64,'output_port':'x'},{'name':'n','output_port':"
     "'x'}],'ports':[{'name':'x'}]}]",
     "change a - mirror none;"},
    {"a mirror to somewhere else",
     "[{'name':'a','mirror':[{'name':'m','output_port':'x'}],'ports':[{'name':'x'},{'name':'y'}]}]",
     "[{'name':'a','mirror':[{'name':'m','output_port':'y'}],'ports':[{'name':'x'},{'name':'y'}]}]",
     "change a - mirror flush;"},
    {"no mirror any more",
     "[{'name':'a','mirror':[{'name':'m','output_port':'x'}],'ports':[{'name':'x'}]}]",
     "[{'name':'a','ports':[{'name':'x'}]}]", "change a - mirror none;"},
    {"a mirror with its port", "[{'name':'a'}]",
     "[{'name':'a','mirror':[{'name':'m','output_port':'x'}],'ports':[{'name':'x'}]}]",
     "change a - mirror flush;add a x - none;"},
    {"a bridge with a mirror", "[{'name':'b'}]",
     "[{'name':'b'},{'name':'a','mirror':[{'name':'m','output_port':'x'}],'ports':[{'name':'x'}]}]",
     "add a - - none;add a x - none;"},
    {"the same mirror, written out",
     "[{'name':'a','mirror':[{'name':'m','output_port':'x'}],'ports':[{'name':'x'}]}]",
     "[{'name':'a','mirror':[{'name':'m','direction':'both','from':[],'output_port':'x'}],'ports':["
     "{'name':'x'}]}]",
     ""},
    {"VLANs that flood", "[{'name':'a','vlan_aware':true,'flood_vlans':[5]}]",
     "[{'name':'a','vlan_aware':true,'flood_vlans':['5-6']}]", "change a - flood_vlans flush;"},
    {"a VLAN that floods no more", "[{'name':'a','vlan_aware':true,'flood_vlans':['5-6']}]",
     "[{'name':'a','vlan_aware':true,'flood_vlans':[6]}]", "change a - flood_vlans none;"},
    {"a description of a port", "[{'name':'a','ports':[{'name':'x','description':'1'}]}]",
     "[{'name':'a','ports':[{'name':'x'}]}]", "change a x description none;"},
    {"a port that is asked to be down", "[{'name':'a','ports':[{'name':'x'}]}]",
     "[{'name':'a','ports':[{'name':'x','admin_state':'down'}]}]", "change a x admin_state flush;"},
    {"a port that is asked to be up", "[{'name':'a','ports':[{'name':'x','admin_state':'down'}]}]",
     "[{'name':'a','ports':[{'name':'x'}]}]", "change a x admin_state none;"},
    {"what is said about it", "[{'name':'a'}]",
     "{'version':1,'description':'1','bridges':[{'name':'a','fdb':{'description':'2'}}],"
     "'daemon':{'description':'3','control':{'description':'4'},'log':{'description':'5'}}}",
     "change - - description none;change - - daemon.description none;"
     "change - - daemon.control.description none;change - - daemon.log.description none;"
     "change a - fdb.description none;"},
    {"what a port is told about learning and flooding",
     "[{'name':'a','ports':[{'name':'x'},{'name':'y','learning':false,'isolation_group':1}]}]",
     "[{'name':'a','ports':[{'name':'x','learning':false,'hairpin':true,'flood':{'multicast':false,"
     "'broadcast':false,'unknown_unicast':false,'description':'d'}},"
     "{'name':'y','learning':true,'isolation_group':2,'hairpin':false,'flood':{}}]}]",
     "change a x learning flush;change a x flood.unknown_unicast none;"
     "change a x flood.multicast none;change a x flood.broadcast none;"
     "change a x flood.description none;change a x hairpin none;"
     "change a y learning none;change a y isolation_group none;"},
    {"limits to moves", "[{'name':'a'},{'name':'b','fdb':{'move_limit':{'max':5}}}]",
     "[{'name':'a','fdb':{'move_limit':{'max':5}}},"
     "{'name':'b','fdb':{'move_limit':{'max':5,'interval':9,'hold':8,'description':'d'}}}]",
     "change a - fdb.move_limit.max none;change b - fdb.move_limit.interval none;"
     "change b - fdb.move_limit.hold none;change b - fdb.move_limit.description none;"},
    {"limits to what is learned",
     "[{'name':'a','ports':[{'name':'x'},{'name':'y','mac_limit':{'max':5}},"
     "{'name':'z','mac_limit':{'max':5,'action':'shutdown','recovery':9}}]}]",
     "[{'name':'a','ports':[{'name':'x','mac_limit':{'max':1}},"
     "{'name':'y','mac_limit':{'max':4,'description':'d'}},"
     "{'name':'z','mac_limit':{'max':6,'action':'flood'}}]}]",
     "change a x mac_limit.max flush;change a y mac_limit.max flush;"
     "change a y mac_limit.description none;change a z mac_limit.max none;"
     "change a z mac_limit.action none;change a z mac_limit.recovery none;"},
    {"a limit that is taken away", "[{'name':'a','ports':[{'name':'x','mac_limit':{'max':5}}]}]",
     "[{'name':'a','ports':[{'name':'x'}]}]", "change a x mac_limit.max none;"},
    {"VLANs that a port joins disturb nobody, those that it leaves do",
     "[{'name':'a','vlan_aware':true,'ports':[{'name':'x','vlan':{'mode':'trunk','allowed':[1]}},"
     "{'name':'y','vlan':{'mode':'trunk'}},{'name':'z','vlan':{'mode':'access','pvid':1}}]}]",
     "[{'name':'a','vlan_aware':true,'ports':[{'name':'x','vlan':{'mode':'trunk','allowed':['1-9']}},"
     "{'name':'y','vlan':{'mode':'native_tagged','pvid':7,'allowed':[7],"
     "'acceptable_frame_types':'vlan_tagged'}},{'name':'z','vlan':{'mode':'access','pvid':2}}]}]",
     "change a x vlan.allowed none;change a y vlan.mode flush;change a y vlan.pvid flush;"
     "change a y vlan.allowed flush;change a y vlan.acceptable_frame_types flush;"
     "change a z vlan.pvid flush;"},
    {"limits",
     "[{'name':'a','ports':[{'name':'x','storm_control':{'broadcast':{'rate':'10pps'}}}]}]",
     "[{'name':'a','ports':[{'name':'x','storm_control':{'description':'d','broadcast':{'rate':'11pps'},"
     "'multicast':{'rate':'1mbit','description':'d'}},'policing':{'egress':{'rate':'1gbit'}}}]}]",
     "change a x storm_control.broadcast none;change a x storm_control.multicast none;"
     "change a x storm_control.multicast.description none;change a x policing.egress none;"
     "change a x storm_control.description none;"},
    {"a burst that is what it was",
     "[{'name':'a','ports':[{'name':'x','policing':{'ingress':{'rate':'1000kbit'}}}]}]",
     "[{'name':'a','ports':[{'name':'x','policing':{'ingress':{'rate':'1mbit','burst':'25000B'}}}]}]",
     ""},
    {"another mode for the same VLANs",
     "[{'name':'a','vlan_aware':true,'ports':[{'name':'x','vlan':{'mode':'access','pvid':5}}]}]",
     "[{'name':'a','vlan_aware':true,'ports':[{'name':'x','vlan':{'mode':'dot1q_tunnel','pvid':5}}]}]",
     "change a x vlan.mode none;"},
    {"all VLANs written out",
     "[{'name':'a','vlan_aware':true,'ports':[{'name':'x','vlan':{'mode':'trunk'}}]}]",
     "[{'name':'a','vlan_aware':true,'ethertype':'0x8100','ports':[{'name':'x','vlan':"
     "{'mode':'trunk','allowed':['2-4094',1],'acceptable_frame_types':'all'}}]}]",
     ""},
    {"another VID outside",
     "[{'name':'a','vlan_aware':true,'ports':[{'name':'x','vlan':{'mode':'trunk','allowed':[9]}}]}]",
     "[{'name':'a','vlan_aware':true,'ports':[{'name':'x','vlan':{'mode':'trunk','allowed':[9]},"
     "'translate':{'8':9}}]}]",
     "change a x translate flush;"},
    {"a bridge becomes VLAN-aware", "[{'name':'a','ports':[{'name':'x'}]}]",
     "[{'name':'a','vlan_aware':true,'ethertype':'0x88a8','ports':[{'name':'x','vlan':"
     "{'mode':'access','pvid':5}}]}]",
     "change a - vlan_aware flush;change a - ethertype flush;change a x vlan.mode none;"
     "change a x vlan.pvid none;"},
    {"a pattern", "[{'name':'a','ports':[{'match':'x*'}]}]",
     "[{'name':'a','ports':[{'match':'x*','max':64}]}]", ""},
    {"a pattern more, one less", "[{'name':'a','ports':[{'match':'x*'},{'match':'y*'}]}]",
     "[{'name':'a','ports':[{'match':'z*'},{'match':'y*'}]}]",
     "del a match=x* - none;add a match=z* - none;"},
    {"a pattern in another bridge", "[{'name':'a','ports':[{'match':'x*'}]},{'name':'b'}]",
     "[{'name':'a'},{'name':'b','ports':[{'match':'x*'}]}]",
     "del a match=x* - none;add b match=x* - none;"},
    {"a pattern in another namespace", "[{'name':'a','ports':[{'match':'x*'}]}]",
     "[{'name':'a','ports':[{'match':'x*','netns':'n'}]}]",
     "del a match=x* - none;add a match=x* - none;"},
    {"a port of the pattern's name", "[{'name':'a','ports':[{'match':'x*'}]}]",
     "[{'name':'a','ports':[{'match':'x*'},{'name':'x*'}]}]", "add a x* - none;"},
    {"settings of a pattern", "[{'name':'a','ports':[{'match':'x*'}]}]",
     "[{'name':'a','ports':[{'match':'x*','max':9,'qdisc_bypass':true,'description':'d'}]}]",
     "change a match=x* description none;change a match=x* qdisc_bypass none;"
     "change a match=x* max none;"},
    {"patterns in another order",
     "[{'name':'a','ports':[{'match':'x*'},{'name':'n'},{'match':'y*'},{'match':'z*'}]}]",
     "[{'name':'a','ports':[{'match':'y*'},{'match':'x*'},{'match':'z*'},{'name':'n'}]}]",
     "change a match=y* order reopen;change a match=x* order reopen;"},
    {"one pattern less is no other order",
     "[{'name':'a','ports':[{'match':'w*'},{'match':'x*'}]},{'name':'b','ports':[{'match':'y*'}]}]",
     "[{'name':'a','ports':[{'match':'x*'}]},{'name':'b','ports':[{'match':'y*'}]}]",
     "del a match=w* - none;"},
    {"bridges in another order, and with them their patterns",
     "[{'name':'a','ports':[{'match':'x*'}]},{'name':'b','ports':[{'match':'y*'}]}]",
     "[{'name':'b','ports':[{'match':'y*'}]},{'name':'a','ports':[{'match':'x*'}]}]",
     "change b match=y* order reopen;change a match=x* order reopen;"},
    {"the daemon", "[{'name':'a'}]",
     "{'version':1,'bridges':[{'name':'a'}],'daemon':{'control':{'socket':'/s','group':'g'},"
     "'log':{'level':'debug'}}}",
     "change - - daemon.control.socket restart;change - - daemon.control.group restart;"
     "change - - daemon.log.level none;"},
    {"deletions, changes, additions: in this order",
     "[{'name':'a','ports':[{'name':'x'},{'name':'y'}]},{'name':'b','ports':[{'name':'z'}]}]",
     "[{'name':'c','ports':[{'name':'z'}]},{'name':'a','aging_time':20,'ports':[{'name':'y',"
     "'ifname':'x'},{'name':'w'}]}]",
     "del a x - none;del b z - none;del b - - none;change a - aging_time none;"
     "change a y ifname reopen;add c - - none;add c z - none;add a w - none;"},
};

static struct config *config_of(const char *quoted)
{
    static char text[2048];
    struct config_report report;
    struct config *config = NULL;

    if (*quoted == '{')
        snprintf(text, sizeof(text), "%s", quoted);
    else
        snprintf(text, sizeof(text), "{'version':1,'bridges':%s}", quoted);
    for (char *c = text; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    assert_int_equal(config_parse("case", text, strlen(text), &config, &report), 0);
    config_report_fini(&report);
    return config;
}

static const char *or_dash(const char *text)
{
    return text ? text : "-";
}

static void write_plan(const struct plan *plan, char ret_text[PLAN_SIZE])
{
    size_t len = 0;

    ret_text[0] = '\0';
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct plan_step *step = &plan->steps[i];

        assert_true(!step->port || !step->match);
        len += (size_t)snprintf(ret_text + len, PLAN_SIZE - len, "%s %s %s%s %s %s;",
                                plan_op_name(step->op), or_dash(step->bridge),
                                step->match ? "match=" : "",
                                step->match ? step->match : or_dash(step->port), or_dash(step->key),
                                plan_disruption_name(step->disruption));
        assert_true(len < PLAN_SIZE);
    }
}

static void test_case(void **state)
{
    const struct plan_case *c = *state;
    struct config *now = config_of(c->now);
    struct config *next = config_of(c->next);
    char text[PLAN_SIZE];
    struct plan plan;

    assert_int_equal(plan_make(now, next, &plan), 0);
    write_plan(&plan, text);
    assert_string_equal(text, c->plan);
    plan_fini(&plan);
    config_free(now);
    config_free(next);
}

/* What a step needs to be run: where the new value is. */
static void steps_point_into_the_next_configuration(void **state)
{
    struct config *now = config_of("[{'name':'a','ports':[{'name':'x'}]}]");
    struct config *next = config_of("[{'name':'a','aging_time':10,'ports':[{'name':'x','ifname':'y'"
                                    "},{'name':'z'}]}]");
    struct plan plan;

    assert_int_equal(plan_make(now, next, &plan), 0);
    assert_int_equal(plan.n_steps, 3);
    assert_ptr_equal(plan.steps[0].next_bridge, &next->bridges[0]);
    assert_ptr_equal(plan.steps[1].next_port, &next->bridges[0].ports[0]);
    assert_ptr_equal(plan.steps[2].next_port, &next->bridges[0].ports[1]);
    plan_fini(&plan);
    config_free(now);
    config_free(next);
}

int main(void)
{
    enum {
        N_CASES = sizeof(cases) / sizeof(cases[0])
    };
    struct CMUnitTest tests[N_CASES + 1];

    for (size_t i = 0; i < N_CASES; i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = test_case, .initial_state = (void *)&cases[i]};
    tests[N_CASES] = (struct CMUnitTest)cmocka_unit_test(steps_point_into_the_next_configuration);
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
