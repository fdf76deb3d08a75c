/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl_lab.h"
#include "ringspan/cli.h"
#include "ringspan/latency.h"
#include "ringspan/table.h"

#define MAX_WORDS 16

struct outcome {
    int status;
    char out[1 << 14];
    char err[1 << 12];
};

static struct outcome outcome;

static void read_back(FILE *file, char *ret_text, size_t size)
{
    rewind(file);
    ret_text[fread(ret_text, 1, size - 1, file)] = '\0';
    fclose(file);
}

static int run_child(char *line, FILE *out, FILE *err)
{
    char *words[MAX_WORDS + 1] = {(char *)"ringspan"};
    int n = 1;

    for (char *word = strtok(line, " "); word && n < MAX_WORDS; word = strtok(NULL, " "))
        words[n++] = word;
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    n = cli_main(n, words);
    fflush(stdout);
    return n;
}

/* Runs the tool in a child while this process turns the daemon's loop. */
static int ringspan_to(const char *line, FILE *out)
{
    FILE *err = tmpfile();
    char copy[512];
    int status;
    pid_t pid;

    assert_non_null(err);
    snprintf(copy, sizeof(copy), "%s", line);
    fflush(stdout);
    pid = fork();
    if (pid == 0)
        _exit(run_child(copy, out, err));
    TURN_UNTIL(waitpid(pid, &status, WNOHANG) == pid);
    assert_true(WIFEXITED(status));
    outcome.status = WEXITSTATUS(status);
    read_back(err, outcome.err, sizeof(outcome.err));
    return outcome.status;
}

static int ringspan(const char *line)
{
    FILE *out = tmpfile();
    int status;

    assert_non_null(out);
    status = ringspan_to(line, out);
    read_back(out, outcome.out, sizeof(outcome.out));
    return status;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

/* It failed, said why, and wrote nothing else. */
static void assert_fails(const char *line, enum cli_exit status, const char *err)
{
    if (ringspan(line) != (int)status)
        fail_msg("'%s' ended with %d: %s", line, outcome.status, outcome.err);
    assert_has(outcome.err, err);
    assert_string_equal(outcome.out, "");
}

static void assert_prints(const char *line, const char *out)
{
    if (ringspan(line) != CLI_OK)
        fail_msg("'%s' ended with %d: %s", line, outcome.status, outcome.err);
    assert_string_equal(outcome.out, out);
    assert_string_equal(outcome.err, "");
}

static int setup(void **state)
{
    int r = lab_setup(state);

    setenv("RINGSPAN_SOCKET", bench.path, 1);
    return r;
}

#define CLI_TEST(test) cmocka_unit_test_setup_teardown(test, setup, lab_teardown)

static const char port_table[] =
    "NAME    IFNAME  MASTER  STATE    MTU  ISOLATED  REASON\n"
    "rsp-r1  -       lab0    waiting    -  no        no interface named rsp-r1\n"
    "rsp-r2  -       lab0    waiting    -  no        no interface named rsp-r2\n";

static void test_tables(void **state)
{
    assert_prints("port show bridge lab0", port_table);
    assert_prints("port show master lab0", port_table);
    assert_prints("p s b lab0", port_table);
    assert_prints("bridge show lab1",
                  "NAME  N_PORTS  LEFT_OUT  AGING_TIME  RESERVED  FDB.ENTRIES  FDB.MAX_ENTRIES\n"
                  "lab1        1         0         300  all                 0               16\n");
    assert_prints("fdb", "");
    lab_learn("rsp-r1", 0, 0x020000000001);
    lab_learn("rsp-r3", 10, 0x020000000003);
    assert_prints("fdb show", "MAC                VLAN  PORT    IFNAME  MASTER  AGE  FLAGS  STATE\n"
                              "02:00:00:00:00:01     0  rsp-r1  -       lab0      0  -      -\n"
                              "02:00:00:00:00:03    10  rsp-r3  -       lab1      0  -      -\n");
    assert_prints("fdb port rsp-r3 vlan 11", "");
    assert_prints("fdb flush dev rsp-r3 vlan 11", "flushed 0 entries\n");
    assert_prints("fdb flush dev rsp-r3 vlan 10", "flushed 1 entry\n");
    assert_prints("-j fdb flush port rsp-r3", "[{\"master\":\"lab1\",\"flushed\":0}]\n");
    assert_prints("fdb show brport rsp-r3", "");
}

static void test_fdb_statistics(void **state)
{
    lab_learn("rsp-r1", 0, 0x020000000001);
    lab_learn("rsp-r2", 0, 0x020000000001);
    assert_prints("-s fdb show bridge lab0",
                  "MAC                VLAN  PORT    IFNAME  MASTER  AGE  FLAGS  STATE\n"
                  "02:00:00:00:00:01     0  rsp-r2  -       lab0      0  -      -\n"
                  "\n"
                  "NAME    MASTER  FDB.ENTRIES  FDB.MAC_LIMIT  FDB.MOVED_IN  FDB.MOVED_OUT  "
                  "FDB.REFUSED_LIMITS\n"
                  "rsp-r1  lab0              0              -             0              1        "
                  "           0\n"
                  "rsp-r2  lab0              1              -             1              0        "
                  "           0\n"
                  "rsp-r3  lab1              0              -             0              0        "
                  "           0\n");
}

static uint64_t wall(void)
{
    return 0;
}

/* A frame in each of the given numbers of nanoseconds. */
static void time_frames(struct bridge *bridge, const uint64_t *ns, size_t n)
{
    struct latency *latency;

    assert_int_equal(latency_new(7, 1, wall, &latency), 0);
    for (size_t i = 0; i < n; i++)
        latency_add((struct latency_histogram *)latency_histogram(latency), 0, ns[i]);
    bridge_set_latency(bridge, latency);
}

static void test_bridge_statistics(void **state)
{
    static const uint64_t ns[] = {4000, 4096, 4097, 8192, 8000, 7000, 70000, LATENCY_MAX_NS + 1};

    assert_prints("bridge show lab1 -s",
                  "NAME  N_PORTS  LEFT_OUT  AGING_TIME  RESERVED  FDB.ENTRIES  FDB.MAX_ENTRIES\n"
                  "lab1        1         0         300  all                 0               16\n"
                  "\n"
                  "NAME  EVERY  COUNT  P50  P90  P99  MAX  SKEWED\n"
                  "lab1      -      -    -    -    -    -       -\n");
    time_frames(daemon_bridge(lab.daemon, 0), ns, 0);
    time_frames(daemon_bridge(lab.daemon, 1), ns, sizeof(ns) / sizeof(*ns));
    assert_prints("bridge show -s",
                  "NAME  N_PORTS  LEFT_OUT  AGING_TIME  RESERVED     FDB.ENTRIES  FDB.MAX_ENTRIES\n"
                  "lab0        2         0         100  transparent            0            65536\n"
                  "lab1        1         0         300  all                    0               16\n"
                  "\n"
                  "NAME  EVERY  COUNT     P50     P90     P99     MAX  SKEWED\n"
                  "lab0      7      0       -       -       -       -       0\n"
                  "lab1      7      7  7.17us  70.0us  70.0us  70.0us       1\n"
                  "\n"
                  "lab1:\n"
                  "  <= 4.10us            2 ####################\n"
                  "  <= 8.19us            4 ########################################\n"
                  "  <= 16.4us            0\n"
                  "  <= 32.8us            0\n"
                  "  <= 65.5us            0\n"
                  "  <=  131us            1 ##########\n");
}

/* Did my LACP cross? */
static void test_port_statistics(void **state)
{
    struct port *port = bridge_port_by_name(daemon_bridge_by_name(lab.daemon, "lab0"), "rsp-r1");

    port->reserved_counters[RESERVED_LACP] = (struct reserved_counters){3, 2, 1};
    assert_prints("port show rsp-r1 -s",
                  "NAME    IFNAME  MASTER  STATE    MTU  ISOLATED  REASON\n"
                  "rsp-r1  -       lab0    waiting    -  no        no interface named rsp-r1\n"
                  "\n"
                  "PORT    PROTOCOL  POLICY   FORWARDED  DROPPED  CONSUMED\n"
                  "rsp-r1  stp       forward          0        0         0\n"
                  "rsp-r1  pause     drop             0        0         0\n"
                  "rsp-r1  lacp      forward          3        2         1\n"
                  "rsp-r1  dot1x     forward          0        0         0\n"
                  "rsp-r1  lldp      forward          0        0         0\n"
                  "rsp-r1  other     forward          0        0         0\n"
                  "rsp-r1  cisco     forward          0        0         0\n");
    assert_int_equal(ringspan("-s -j port rsp-r1"), CLI_OK);
    assert_has(outcome.out, "\"lacp\":{\"policy\":\"forward\",\"forwarded\":3,\"dropped\":2,"
                            "\"consumed\":1}");
}

static void test_json(void **state)
{
    static const char entry[] =
        "{\"mac\":\"02:00:00:00:00:01\",\"vlan\":0,\"port\":\"rsp-r1\","
        "\"ifname\":null,\"master\":\"lab0\",\"age\":0,\"flags\":[],\"state\":\"\"}";
    char expected[256];

    assert_prints("-j fdb show", "[]\n");
    assert_prints("-p fdb show", "[]\n");
    lab_learn("rsp-r1", 0, 0x020000000001);
    snprintf(expected, sizeof(expected), "[%s]\n", entry);
    assert_prints("-j fdb show", expected);
    assert_prints("fdb -j mac 02:00:00:00:00:01", expected);
    assert_prints(
        "-p fdb show",
        "[\n    {\n        \"mac\": \"02:00:00:00:00:01\",\n"
        "        \"vlan\": 0,\n        \"port\": \"rsp-r1\",\n"
        "        \"ifname\": null,\n        \"master\": \"lab0\",\n"
        "        \"age\": 0,\n        \"flags\": [],\n        \"state\": \"\"\n    }\n]\n");
}

static void test_refusals(void **state)
{
    assert_fails("fdb show port nobody", CLI_REFUSED, "ringspan: there is no port named 'nobody'");
    assert_fails("-j fdb show bridge nobody", CLI_REFUSED, "there is no bridge named 'nobody'");
    assert_fails("fdb show mac 1:2", CLI_REFUSED, "'1:2' is not an address");
    assert_fails("fdb flush mac 1:2", CLI_REFUSED, "'1:2' is not an address");
    assert_fails("fdb flush port nobody", CLI_REFUSED, "there is no port named 'nobody'");
    assert_fails("port show p", CLI_REFUSED, "there is no port named 'p'");
}

static void test_usage(void **state)
{
    assert_fails("", CLI_USAGE, "Usage: ringspan");
    assert_fails("switch", CLI_USAGE, "there is no object 'switch', but bridge, port, fdb,");
    assert_fails("fdb flush nonsense", CLI_USAGE, "what is 'nonsense'?");
    assert_fails("fdb show nonsense", CLI_USAGE, "what is 'nonsense'?");
    assert_fails("fdb show port", CLI_USAGE, "'port' wants a value");
    assert_fails("fdb show vlan ten", CLI_USAGE, "vlan: 'ten' is not a number");
    assert_fails("fdb show vlan -1", CLI_USAGE, "");
    assert_fails("ledger show -s", CLI_USAGE, "belongs to `ringspan port show`");
    assert_fails("port set rsp-r1 up -s", CLI_USAGE, "belongs to `ringspan port show`");
    assert_fails("port show rsp-r1 rsp-r2", CLI_USAGE,
                 "what is 'rsp-r2'? 'rsp-r1' is the port already");
    assert_fails("bridge add lab9", CLI_USAGE, "what is 'lab9'? 'add' is the bridge already");
    assert_fails("port show --for down", CLI_USAGE, "belong to `ringspan wait`");
    assert_fails("wait --timeout soon", CLI_USAGE, "'soon' is no number of seconds");
    assert_fails("--nonsense", CLI_USAGE, "Try `ringspan help`");
    assert_fails("check", CLI_USAGE, "takes one FILE");
    assert_fails("version now", CLI_USAGE, "takes no words");
    assert_fails("-S  port", CLI_USAGE, "");
}

static void test_help(void **state)
{
    static const char *const lines[] = {"help",          "-h",
                                        "--help",        "port help",
                                        "help fdb",      "port set help",
                                        "help port set", "port add help",
                                        "help p d",      "config diff help",
                                        "apply help",    "help confirm",
                                        "ledger -h",     "wait --help",
                                        "check help",    "config help",
                                        "schema help",   "version help"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        assert_int_equal(ringspan(lines[i]), CLI_OK);
        assert_has(outcome.out, "Usage: ringspan ");
        assert_has(outcome.out, "Example: ringspan ");
        assert_string_equal(outcome.err, "");
    }
}

static void test_no_daemon(void **state)
{
    char line[128];

    ctl_server_free(bench.server);
    bench.server = NULL;
    assert_fails("-j port show", CLI_UNREACHABLE, "no daemon serves /tmp/ringspan-test-");
    assert_fails("-S /nonexistent/x port", CLI_UNREACHABLE, "no daemon serves /nonexistent/x");
    assert_fails("wait --timeout 0", CLI_UNREACHABLE, "no daemon serves");
    assert_prints("-j version", "[{\"ringspan\":\"" RINGSPAN_VERSION "\",\"ringspand\":null}]\n");
    snprintf(line, sizeof(line), "-S %0108d/ port", 1);
    assert_fails(line, CLI_USAGE, "longer than 107 bytes");
}

static void test_wait(void **state)
{
    assert_prints("wait --for waiting", "");
    assert_prints("-j wait rsp-r1 --for waiting",
                  "[{\"name\":\"rsp-r1\",\"master\":\"lab0\",\"state\":\"waiting\","
                  "\"reason\":\"no interface named rsp-r1\"}]\n");
    assert_fails("wait rsp-r1 --timeout 0", CLI_REFUSED,
                 "1 of 1 ports not forwarding; rsp-r1 is waiting (no interface named rsp-r1)");
    lab_set_state("rsp-r1", PORT_FORWARDING, "");
    assert_prints("w rsp-r1 --timeout=3", "");
    assert_fails("wait rsp-r9", CLI_REFUSED, "there is no port named 'rsp-r9'");
}

static void test_port_set(void **state)
{
    assert_prints("fdb add 02:00:00:00:00:01 dev rsp-r1 master static", "");
    assert_prints("fdb replace 02:00:00:00:00:01 port rsp-r1 sticky", "");
    assert_prints("-j fdb replace 02:00:00:00:00:01 port rsp-r1 sticky", "[]\n");
    lab_set_state("rsp-r3", PORT_FORWARDING, "");
    assert_prints("fdb add 02:00:00:00:00:02 p rsp-r3 vlan 10 dynamic", "");
    assert_prints("fdb show",
                  "MAC                VLAN  PORT    IFNAME  MASTER  AGE  FLAGS   STATE\n"
                  "02:00:00:00:00:01     0  rsp-r1  -       lab0      0  sticky  static\n"
                  "02:00:00:00:00:02    10  rsp-r3  -       lab1      0  -       -\n");
    assert_prints("fdb delete 02:00:00:00:00:01", "");
    assert_prints("fdb del 02:00:00:00:00:02 vlan 10 dev rsp-r3", "");
    assert_prints("fdb show", "");
    assert_fails("fdb del 02:00:00:00:00:02", CLI_REFUSED,
                 "there is no entry of 02:00:00:00:00:02");
    assert_fails("fdb add 02:00:00:00:00:02 port nobody", CLI_REFUSED, "no port named 'nobody'");
    assert_fails("fdb add 02:00:00:00:00:02", CLI_REFUSED, "port: missing");
    assert_fails("fdb add", CLI_USAGE, "which address?");
    assert_fails("fdb add 02:00:00:00:00:02 port", CLI_USAGE, "'port' wants a value");
    assert_fails("fdb add 02:00:00:00:00:02 self", CLI_USAGE, "what is 'self'?");
    assert_fails("fdb del 02:00:00:00:00:02 sticky", CLI_USAGE, "what is 'sticky'?");
    assert_fails("fdb add 02:00:00:00:00:02 vlan x", CLI_USAGE, "vlan: 'x' is not a number");
    assert_int_equal(ringspan("port set help"), CLI_OK);
    assert_has(outcome.out, "\nKEY\n  ifname         The interface that the port uses");
    assert_has(outcome.out, "\n  admin_state    Whether the port takes part.\n");
    assert_prints("port set rsp-r1 down", "");
    assert_prints("port show dev rsp-r1",
                  "NAME    IFNAME  MASTER  STATE     MTU  ISOLATED  REASON\n"
                  "rsp-r1  -       lab0    disabled    -  no        "
                  "asked to be down (ringspan port set rsp-r1 up)\n");
    assert_prints("-j po se dev rsp-r1 up",
                  "[{\"op\":\"change\",\"bridge\":\"lab0\",\"port\":\"rsp-r1\","
                  "\"key\":\"admin_state\",\"disruption\":\"none\"}]\n");
    assert_prints("-j port set rsp-r1 up", "[]\n");
    assert_prints("port set rsp-r1 down description 12", "");
    assert_fails("port set rsp-r1 dwon", CLI_USAGE, "'dwon' wants a value");
    assert_fails("port set rsp-r1 admin_state dwon", CLI_REFUSED, "did you mean 'down'?");
    assert_fails("port set rsp-r9 up", CLI_REFUSED, "there is no port named 'rsp-r9'");
    assert_fails("port set rsp-r1", CLI_USAGE, "wants a port and what to set");
    assert_fails("port se", CLI_REFUSED, "there is no port named 'se'");
}

static void test_patterns(void **state)
{
    assert_prints("port add match veth-* bridge lab0 max 5", "");
    assert_prints("port set match veth-* max 7 qdisc_bypass true", "");
    assert_prints("config diff", "OP   BRIDGE  PORT    KEY  DISRUPTION\n"
                                 "add  lab0    veth-*  -    none\n");
    assert_fails("port add match veth-* bridge lab0", CLI_REFUSED, "the pattern 'veth-*' is used");
    assert_fails("port add match veth bridge lab0", CLI_REFUSED, "is one name");
    assert_fails("port set match e* max 5", CLI_REFUSED, "there is no pattern 'e*'");
    assert_fails("port set veth-1 down", CLI_REFUSED, "one of match veth-*");
    assert_fails("port del veth-*", CLI_REFUSED, "veth-*");
    assert_fails("port del match veth-* rsp-r1", CLI_USAGE, "wants one port");
    assert_prints("port add match veth-* bridge lab0 netns red", "");
    assert_fails("port del match veth-*", CLI_REFUSED, "there are 2 patterns 'veth-*'");
    assert_prints("-j port add match x* bridge lab0",
                  "[{\"op\":\"add\",\"bridge\":\"lab0\",\"port\":null,\"match\":\"x*\","
                  "\"key\":null,\"disruption\":\"none\"}]\n");
    assert_prints("port del match x*", "");
    assert_fails("port del match x*", CLI_REFUSED, "there is no pattern 'x*'");
    assert_prints("port add dev match bridge lab0", ""); /* a name like others */
    assert_prints("port del match", "");
}

static void test_port_add_and_del(void **state)
{
    assert_prints("config diff", "nothing to change\n");
    assert_prints("-j config diff", "[]\n");
    assert_prints("port add rsp-r4 br lab1 vlan {\"mode\":\"trunk\"} ifname rsp-i4 down", "");
    assert_prints("port show bridge lab1",
                  "NAME    IFNAME  MASTER  STATE     MTU  ISOLATED  REASON\n"
                  "rsp-r3  -       lab1    waiting     -  no        no interface named rsp-r3\n"
                  "rsp-r4  -       lab1    disabled    -  no        "
                  "asked to be down (ringspan port set rsp-r4 up)\n");
    assert_prints("port del dev rsp-r1", "");
    assert_prints("port set rsp-r2 description 12", "");
    assert_prints("config diff", "OP      BRIDGE  PORT    KEY          DISRUPTION\n"
                                 "del     lab0    rsp-r1  -            none\n"
                                 "change  lab0    rsp-r2  description  none\n"
                                 "add     lab1    rsp-r4  -            none\n");
    assert_fails("port add rsp-r2 bridge lab1", CLI_REFUSED,
                 "there is a port named 'rsp-r2' already, in bridge lab0");
    assert_fails("port add rsp-r5", CLI_REFUSED, "which bridge? There are 2");
    assert_fails("port add rsp-r5 bridge lab5", CLI_REFUSED, "there is no bridge named 'lab5'");
    assert_fails("port add a/b bridge lab0", CLI_REFUSED,
                 "'a/b' contains '/', which an interface's name cannot");
    assert_fails("port add rsp-r5 bridge lab0 ifname rsp-i4", CLI_REFUSED,
                 "the interface 'rsp-i4' is used by");
    assert_fails("port del rsp-r1", CLI_REFUSED, "there is no port named 'rsp-r1'");
    assert_fails("port del rsp-r2 rsp-r3", CLI_USAGE, "wants one port");
    assert_fails("port add", CLI_USAGE, "wants a name");
    assert_fails("port set rsp-r2 name rsp-r9", CLI_REFUSED, "a port keeps its name");
    assert_prints(
        "-j reload",
        "[{\"op\":\"del\",\"bridge\":\"lab1\",\"port\":\"rsp-r4\",\"key\":null,"
        "\"disruption\":\"none\"},{\"op\":\"change\",\"bridge\":\"lab0\",\"port\":\"rsp-r2\","
        "\"key\":\"description\",\"disruption\":\"none\"},"
        "{\"op\":\"add\",\"bridge\":\"lab0\",\"port\":\"rsp-r1\",\"key\":null,"
        "\"disruption\":\"none\"}]\n");
    assert_prints("config diff", "nothing to change\n");
}

static void test_ledger(void **state)
{
    struct ledger_port *counters =
        &bridge_port_by_name(daemon_bridge(lab.daemon, 1), "rsp-r3")->ledger;
    char drops[256];

    counters->received.frames = 3;
    counters->tp_packets = 3;
    counters->in_dropped[DROP_NO_EGRESS] = 3;
    assert_int_equal(ringspan("ledger show rsp-r3"), CLI_OK);
    assert_has(outcome.out,
               "lab1    rsp-r3  in         yes       3 received = 0 unicast + 0 flooded "
               "+ 0 consumed + 3 dropped + 0 held_in\n");
    snprintf(drops, sizeof(drops),
             "\nMASTER  PORT    DIRECTION  DROPPED  REASON     MEANING\n"
             "lab1    rsp-r3  in               3  no_egress  %s\n",
             drop_reason_sentence(DROP_NO_EGRESS));
    assert_has(outcome.out, drops);
    counters->received.frames = 4;
    counters->tp_packets = 4;
    assert_int_equal(ringspan("ledger"), CLI_IMBALANCE);
    assert_has(outcome.err,
               "the ledger does not balance: bridge lab1, port rsp-r3, in: 4 received");
    assert_has(outcome.out, "lab1    rsp-r3  in         NO ");
    assert_int_equal(ringspan("-j ledger"), CLI_IMBALANCE);
    assert_has(outcome.out, "\"balanced\":false");
    assert_int_equal(ringspan("ledger bridge lab0"), CLI_OK);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_check(void **state)
{
    char path[80];
    char line[128];

    snprintf(path, sizeof(path), "%s/lab.json", bench.dir);
    write_file(path, "{\"version\":1,\"bridges\":[{\"name\":\"b\",\"ports\":[{\"name\":\"p\"}]}]}");
    snprintf(line, sizeof(line), "check %s", path);
    assert_int_equal(ringspan(line), CLI_OK);
    assert_has(outcome.out, "valid: 1 bridge, 1 port\n");
    snprintf(line, sizeof(line), "-j check %s", path);
    assert_prints(line, "[]\n");
    write_file(path, "{\"version\":1,\"bridges\":[{\"name\":\"b\",\"vlan_aware\":true,"
                     "\"mirror\":[{\"name\":\"m\",\"output_vlan\":6}]}],\"daemon\":"
                     "{\"recorder\":{\"memory\":\"1MiB\",\"triggers\":[\"move\"]}}}");
    assert_int_equal(ringspan(line), CLI_OK);
    assert_string_equal(outcome.out, "[]\n");
    assert_has(outcome.err, "lab.json: warning: bridges[0].mirror[0].output_vlan: no port of ");
    assert_has(outcome.err, "lab.json: warning: daemon.recorder.triggers: \"move\" never ");
    assert_has(outcome.err, "\n    hint: give a bridge \"fdb\": { \"move_limit\": { \"max\": ");
    write_file(path, "{\"version\":1,\n \"bridges\":[{\"nam\":\"b\"}]}");
    assert_int_equal(ringspan(line), CLI_INVALID);
    assert_has(outcome.out, "\"line\":2,\"column\":14,\"path\":\"bridges[0].nam\"");
    assert_string_equal(outcome.err, "");
    snprintf(line, sizeof(line), "check %s", path);
    assert_fails(line, CLI_INVALID, "lab.json:2:14: bridges[0].nam:");
    unlink(path);
    assert_fails(line, CLI_INVALID, "lab.json");
}

static void test_config(void **state)
{
    char path[80];
    char line[128];
    char shown[sizeof(outcome.out)];

    assert_int_equal(ringspan("config show"), CLI_OK);
    assert_has(outcome.out, "{\n    \"version\": 1,\n    \"bridges\": [\n        {\n"
                            "            \"name\": \"lab0\",\n"
                            "            \"aging_time\": 100,\n");
    snprintf(shown, sizeof(shown), "%s", outcome.out);
    assert_prints("config", shown);
    assert_prints("co s -p", shown);
    snprintf(path, sizeof(path), "%s/shown.json", bench.dir);
    write_file(path, shown);
    snprintf(line, sizeof(line), "check %s", path);
    assert_int_equal(ringspan(line), CLI_OK);
    assert_has(outcome.out, "valid: 2 bridges, 3 ports\n");
    unlink(path);
    assert_int_equal(ringspan("config show -j"), CLI_OK);
    assert_has(outcome.out, "{\"version\":1,\"bridges\":[{\"name\":\"lab0\",");
    assert_fails("config paint", CLI_USAGE, "there is no `ringspan config paint`");
    assert_fails("config show lab0", CLI_USAGE, "takes no words");
}

static void test_apply(void **state)
{
    static const char applied[] = "OP      BRIDGE  PORT    KEY          DISRUPTION\n"
                                  "del     lab1    rsp-r3  -            none\n"
                                  "del     lab1    -       -            none\n"
                                  "change  lab0    rsp-r1  admin_state  flush\n";
    char expected[512];
    char path[80];
    char line[128];

    snprintf(path, sizeof(path), "%s/new.json", bench.dir);
    write_file(path, "{\"version\":1,\"bridges\":[{\"name\":\"lab0\",\"aging_time\":100,\"ports\":["
                     "{\"name\":\"rsp-r1\",\"admin_state\":\"down\"},{\"name\":\"rsp-r2\"}]}]}");
    snprintf(line, sizeof(line), "apply %s", path);
    assert_prints(line, applied);
    assert_prints(line, "nothing to change\n");
    assert_fails("confirm", CLI_REFUSED, "there is nothing to confirm");
    assert_int_equal(ringspan("reload"), CLI_OK);
    snprintf(line, sizeof(line), "apply %s --confirm 5min", path);
    snprintf(expected, sizeof(expected), "%suntil `ringspan confirm`, for 300 s; then as before\n",
             applied);
    assert_prints(line, expected);
    assert_fails("reload", CLI_REFUSED, "on trial for 300 s more: `ringspan confirm` keeps it");
    assert_fails("port set rsp-r1 up", CLI_REFUSED, "on trial for");
    assert_int_equal(ringspan("config diff"), CLI_OK);
    assert_has(outcome.out, "\non trial for 2");
    assert_prints("confirm", "");
    assert_fails("confirm", CLI_REFUSED, "there is nothing to confirm");
    assert_prints("port set rsp-r1 up", "");
    snprintf(line, sizeof(line), "-j apply %s --confirm 1h", path);
    assert_prints(line, "[{\"op\":\"change\",\"bridge\":\"lab0\",\"port\":\"rsp-r1\","
                        "\"key\":\"admin_state\",\"disruption\":\"flush\"}]\n");
    assert_prints("-j confirm", "[]\n");
    unlink(path);
}

static void test_apply_refused(void **state)
{
    static const char *const times[] = {"0",   "-1s",   "",        "s",
                                        "1d",  "5 min", "25h",     "86401",
                                        "60S", "1.5h",  "1441min", "99999999999999999999s"};
    char path[80];
    char line[160];

    snprintf(path, sizeof(path), "%s/new.json", bench.dir);
    write_file(path, "{\"version\":1,\n\"bridges\":[{\"nam\":\"b\"}]}");
    snprintf(line, sizeof(line), "apply %s --confirm 1s", path);
    assert_fails(line, CLI_INVALID, "new.json:2:13: bridges[0].nam:");
    assert_fails("confirm", CLI_REFUSED, "there is nothing to confirm");
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        snprintf(line, sizeof(line), "apply %s --confirm=%s", path, times[i]);
        assert_int_equal(ringspan(line), CLI_USAGE);
    }
    unlink(path);
    snprintf(line, sizeof(line), "apply %s", path);
    assert_fails(line, CLI_INVALID, "No such file or directory");
    assert_fails("apply", CLI_USAGE, "takes one FILE");
    assert_fails("confirm now", CLI_USAGE, "takes no words");
    assert_fails("reload --confirm 1s", CLI_USAGE, "--confirm belongs to `ringspan apply`");
}

/* Whatever takes a FILE takes standard input. */
static void test_standard_input(void **state)
{
    static const char text[] = "{\"version\":1,\"bridges\":[{\"name\":\"lab0\",\"aging_time\":100,"
                               "\"ports\":[{\"name\":\"rsp-r1\"},{\"name\":\"rsp-r2\"}]}]}";
    int kept = dup(STDIN_FILENO);
    static const char *const lines[] = {"-j check -", "-j plan -", "-j apply -", "-j apply -"};
    static const char gone[] =
        "[{\"op\":\"del\",\"bridge\":\"lab1\",\"port\":\"rsp-r3\",\"key\":null,"
        "\"disruption\":\"none\"},{\"op\":\"del\",\"bridge\":\"lab1\","
        "\"port\":null,\"key\":null,\"disruption\":\"none\"}]\n";
    const char *const expected[] = {"[]\n", gone, gone, "[]\n"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        int ends[2];

        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
        close(ends[1]);
        dup2(ends[0], STDIN_FILENO);
        close(ends[0]);
        assert_prints(lines[i], expected[i]);
    }
    assert_fails("check -", CLI_INVALID, "<stdin>:1:1: the text is empty");
    assert_fails("apply -", CLI_INVALID, "<stdin>:1:1: the text is empty");
    dup2(kept, STDIN_FILENO);
    close(kept);
}

static void test_schema(void **state)
{
    assert_int_equal(ringspan("schema"), CLI_OK);
    assert_has(outcome.out, "{\n    \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n");
    assert_int_equal(ringspan("-j schema"), CLI_OK);
    assert_has(outcome.out, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",");
    assert_fails("schema lab0", CLI_USAGE, "takes no words");
}

/* A full disk. */
static void test_output_fails(void **state)
{
    static const char *const lines[] = {"port", "-j port",   "-p ledger", "-j version", "-V",
                                        "help", "port help", "schema",    "config show"};
    FILE *full = fopen("/dev/full", "w");

    assert_non_null(full);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        assert_int_equal(ringspan_to(lines[i], full), CLI_REFUSED);
        assert_has(outcome.err, "standard output: No space left on device");
    }
    fclose(full);
}

static void test_version(void **state)
{
    assert_prints("-V", "ringspan " RINGSPAN_VERSION "\n");
    assert_prints("version", "ringspan " RINGSPAN_VERSION "\nringspand " RINGSPAN_VERSION "\n");
}

/* ---- tables ---- */

static void test_table(void **state)
{
    static const struct table_column columns[] = {{"NAME", false}, {"N", true}, {"WHY", false}};
    static const char *const cells[] = {
        "a", "1000", "because", "\xc3\xa4\xc3\xb6\xc3\xbc-long", "2", "", "e\x1b[m", "-", "x\ny"};
    struct table *table = table_new(columns, 3);
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    assert_non_null(table);
    table_print(table, stream);
    for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++)
        assert_true(table_add(table, cells[i]));
    table_print(table, stream);
    fclose(stream);
    assert_string_equal(text, "NAME         N  WHY\n"
                              "a         1000  because\n"
                              "\xc3\xa4\xc3\xb6\xc3\xbc-long     2\n"
                              "e?[m         -  x?y\n");
    free(text);
    table_free(table);
}

static const char explained[] =
    "PORT    MASTER  DST                SRC                ETHERTYPE  TAGS        SIZE\n"
    "rsp-r1  lab0    02:00:00:00:00:02  02:00:00:00:00:00  0x0800     0x8100:7/1    64\n"
    "\n"
    "STEP   OUTCOME  WHY\n"
    "admit  drop     the port it arrived on is not forwarding; rsp-r1 is waiting: no interface "
    "named rsp-r1\n"
    "\n"
    "drop, ingress_down: the port it arrived on is not forwarding\n";

static void test_explain(void **state)
{
    assert_prints("explain --port rsp-r1 --dst 02:00:00:00:00:02 --vlan 7 --pcp 1", explained);
    assert_prints("exp dev rsp-r1 dst 02:00:00:00:00:02 vid 7 pcp 1", explained);
    assert_prints("explain --port rsp-r1 --hex 02000000000202000000000081002007080000 --size 64",
                  explained);
    assert_prints(
        "explain --port rsp-r1 --hex 02:00:00:00:00:02:0200:00000000:81:00:20:07:0800 --size "
        "64",
        explained);
    assert_int_equal(ringspan("-j explain --port rsp-r1 --dst 02:00:00:00:00:02"), CLI_OK);
    assert_has(outcome.out, "[{\"port\":\"rsp-r1\",");
    assert_has(outcome.out, "\"excluded\":[]}]\n");
}

static void test_explain_refuses(void **state)
{
    assert_fails("explain", CLI_USAGE, "which port does the frame arrive on? --port r1");
    assert_fails("explain --dst 02:00:00:00:00:02", CLI_USAGE, "which port");
    assert_fails("explain --port rsp-r1", CLI_REFUSED, "dst: missing");
    assert_fails("explain --port rsp-r9 --dst 02:00:00:00:00:02", CLI_REFUSED, "no port named");
    assert_fails("explain --port rsp-r1 --dst", CLI_USAGE, "");
    assert_fails("explain --port rsp-r1 --dst x --dst y", CLI_USAGE, "what is 'y'?");
    assert_fails("explain --port rsp-r1 --vlan x", CLI_USAGE, "vlan: 'x' is not a number");
    assert_fails("explain --port rsp-r1 wide 7", CLI_USAGE, "what is 'wide'?");
    assert_fails("explain --port rsp-r1 dst", CLI_USAGE, "what is 'dst'?");
    assert_fails("explain --port rsp-r1 --frame 1", CLI_USAGE, "--frame is that of a file");
    assert_fails("explain --port rsp-r1 --pcap x --frame 0", CLI_USAGE, "no number of a frame");
    assert_fails("explain --port rsp-r1 --pcap x --dst y", CLI_USAGE, "--dst: --pcap says that");
    assert_fails("explain --vlan 1 --port rsp-r1 --pcap x", CLI_USAGE, "--vlan: --pcap says");
    assert_fails("explain --port rsp-r1 --pcap /nowhere", CLI_REFUSED, "/nowhere: No such file");
    assert_fails("explain --port rsp-r1 --pcap /dev/null", CLI_REFUSED, "/dev/null: it is no");
    assert_fails("explain --port rsp-r1 --pcap /proc/self/exe", CLI_REFUSED, "neither pcap nor");
    assert_fails("port --dst x", CLI_USAGE, "--dst belongs to `ringspan explain`");
}

/* A capture of two frames, of which the second is cut off. */
static void test_explain_capture(void **state)
{
    static const uint32_t words[] = {
        0xa1b2c3d4, 0x00040002, 0,          0,          0xffff,     1,          0, 0,
        16,         16,         0x00000002, 0x00020200, 0x03000000, 0x00000608, 0, 0,
        16,         1500,       0x00000002, 0x00020200, 0x03000000, 0x0000dd86};
    char line[128];
    char path[80];
    FILE *file;

    snprintf(path, sizeof(path), "%s/frames", bench.dir);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(words, sizeof(words), 1, file), 1);
    fclose(file);
    snprintf(line, sizeof(line), "explain --port rsp-r1 --pcap %s", path);
    assert_prints(
        line,
        "FRAME  DST                SRC                TAGS  SIZE  VERDICT  REASON        EGRESS\n"
        "    1  02:00:00:00:00:02  02:00:00:00:00:03  -       16  drop     ingress_down  -\n"
        "    2  02:00:00:00:00:02  02:00:00:00:00:03  -     1500  drop     ingress_down  -\n");
    snprintf(line, sizeof(line), "-j explain --port rsp-r1 --pcap %s", path);
    assert_int_equal(ringspan(line), CLI_OK);
    assert_has(outcome.out, "[{\"frame\":1,\"port\":\"rsp-r1\",");
    assert_has(outcome.out, ",{\"frame\":2,\"port\":\"rsp-r1\",");
    snprintf(line, sizeof(line), "explain --port rsp-r1 --pcap %s --frame 2", path);
    assert_int_equal(ringspan(line), CLI_OK);
    assert_has(outcome.out, "0x86dd     -     1500");
    snprintf(line, sizeof(line), "explain --port rsp-r1 --pcap %s --frame 3", path);
    assert_fails(line, CLI_REFUSED, "has 2 frames");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_tables),
        CLI_TEST(test_port_statistics),
        CLI_TEST(test_bridge_statistics),
        CLI_TEST(test_fdb_statistics),
        CLI_TEST(test_json),
        CLI_TEST(test_refusals),
        CLI_TEST(test_usage),
        CLI_TEST(test_help),
        CLI_TEST(test_no_daemon),
        CLI_TEST(test_wait),
        CLI_TEST(test_port_set),
        CLI_TEST(test_port_add_and_del),
        CLI_TEST(test_patterns),
        CLI_TEST(test_ledger),
        CLI_TEST(test_check),
        CLI_TEST(test_config),
        CLI_TEST(test_apply),
        CLI_TEST(test_apply_refused),
        CLI_TEST(test_standard_input),
        CLI_TEST(test_schema),
        CLI_TEST(test_version),
        CLI_TEST(test_output_fails),
        CLI_TEST(test_explain),
        CLI_TEST(test_explain_refuses),
        CLI_TEST(test_explain_capture),
        cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
