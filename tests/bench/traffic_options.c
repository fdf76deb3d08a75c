/* SPDX-License-Identifier: ISC */
#include "traffic_options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ringspan/clock.h"
#include "ringspan/mac.h"

#define BIT(command) (1u << TRAFFIC_##command)
#define ALL_SENDERS  (BIT(RATE) | BIT(SEARCH) | BIT(BROADCAST) | BIT(LATENCY) | BIT(SELF))
#define ALL          ((1u << TRAFFIC_COMMANDS) - 1)

#define MILLION 1000000

struct row {
    const char *name;
    unsigned commands;
    /* 0, or -errno as traffic_layout_add_point(). */
    int (*take)(struct traffic_options *options, const struct row *row, const char *text);
    size_t offset; /* of what it sets, where one function serves many */
    double min;
    double max;
    const char *takes; /* what is wrong, if it is; NULL: a flag */
};

static const char *const command_names[] = {
    [TRAFFIC_RATE] = "rate",   [TRAFFIC_SEARCH] = "search",       [TRAFFIC_LATENCY] = "latency",
    [TRAFFIC_LEARN] = "learn", [TRAFFIC_BROADCAST] = "broadcast", [TRAFFIC_SELF] = "self",
};

static const char help[] =
    "usage: ringspan-traffic COMMAND OPTION...\n"
    "\n"
    "Sends frames through a switch and checks what arrives: loss, copies, order, every byte.\n"
    "The result is one line of JSON. Needs CAP_NET_RAW, CAP_NET_ADMIN and, to enter network\n"
    "namespaces, CAP_SYS_ADMIN. POINT is NS/IF:MAC, an interface and its address; NS is a name as\n"
    "in `ip netns`, a path, or a point for the namespace of the caller.\n"
    "\n"
    "  rate       frames at a rate, or as fast as it goes\n"
    "  search     the highest rate at a bearable loss (RFC 2544)\n"
    "  latency    round trips\n"
    "  learn      how many addresses are learned, and how fast (RFC 2889)\n"
    "  broadcast  copies to many receivers\n"
    "  self       its own ceiling, over a direct veth pair\n"
    "\n"
    "  --stream POINT>POINT   who sends to whom; may be repeated\n"
    "  --mesh POINT,...       everyone to everyone\n"
    "  --listen POINT         counts frames that were flooded there; may be repeated\n"
    "  --size N               bytes without checksum, 60 to 9014 (default 60)\n"
    "  --pps N|max            frames per second and stream (default max)\n"
    "  --seconds S            how long (default 2), of which --warmup S (0.3) is not in the rates\n"
    "  --patience S           what is missing is waited for so long, at least (default: less than\n"
    "                         a second)\n"
    "  --burst N              frames at once (default 32)\n"
    "  --pace auto|spin|sleep how a sender waits for its time\n"
    "  --tx-threads N         sending threads (default 1)\n"
    "  --cpu-tx, --cpu-rx LIST  pin senders, receivers to CPUs\n"
    "  --ip                   IPv4 and UDP instead of an ethertype for experiments\n"
    "  --src-macs, --dst-macs N  each stream's addresses (default 1)\n"
    "  --learn, --learn-pps N teach all addresses first, at this rate (default 50000)\n"
    "  --no-teach             teach none, not even the first\n"
    "  --watch-pid PID        its CPU time meanwhile; may be repeated\n"
    "  --loss F, --resolution F, --trial-seconds S, --max-pps N, --retries N    search\n"
    "  --count N, --interval S, --cpu-a CPU, --cpu-b CPU                        latency\n"
    "  --load PPS, --load-stream POINT>POINT, --load-size N                     latency\n"
    "  --learner POINT, --tester POINT, --monitor POINT, --count N, --test-pps R,\n"
    "  --first-mac MAC                                                          learn\n"
    "  --from POINT, --to POINT,...                                             broadcast\n"
    "\n"
    "Example: ringspan-traffic rate --stream 'a/eth0:02:00:00:00:00:01>b/eth0:02:00:00:00:00:02'\n";

static void *field_of(struct traffic_options *options, const struct row *row)
{
    return (char *)options + row->offset;
}

static bool parse_real(const char *text, const struct row *row, double *ret)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= row->min && value <= row->max))
        return false;
    *ret = value;
    return true;
}

static int take_number(struct traffic_options *options, const struct row *row, const char *text)
{
    double value;

    if (!parse_real(text, row, &value) || value != floor(value))
        return -EINVAL;
    *(uint64_t *)field_of(options, row) = (uint64_t)value;
    return 0;
}

static int take_rate(struct traffic_options *options, const struct row *row, const char *text)
{
    if (strcmp(text, "max") != 0)
        return take_number(options, row, text);
    *(uint64_t *)field_of(options, row) = 0;
    return 0;
}

static int take_seconds(struct traffic_options *options, const struct row *row, const char *text)
{
    double value;

    if (!parse_real(text, row, &value))
        return -EINVAL;
    *(uint64_t *)field_of(options, row) = (uint64_t)(value * (double)NS_PER_SEC);
    return 0;
}

static int take_fraction(struct traffic_options *options, const struct row *row, const char *text)
{
    return parse_real(text, row, field_of(options, row)) ? 0 : -EINVAL;
}

static int take_flag(struct traffic_options *options, const struct row *row, const char *text)
{
    *(bool *)field_of(options, row) = true;
    return 0;
}

static int take_pace(struct traffic_options *options, const struct row *row, const char *text)
{
    static const char *const names[] = {"auto", "spin", "sleep"};

    for (uint64_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            options->pace = i;
            return 0;
        }
    }
    return -EINVAL;
}

static int take_cpus(struct traffic_options *options, const struct row *row, const char *text)
{
    cpu_set_t *set = field_of(options, row);

    CPU_ZERO(set);
    for (;;) {
        char *end;
        unsigned long first = strtoul(text, &end, 10);
        unsigned long last = first;

        if (end == text)
            return -EINVAL;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (last < first || last >= CPU_SETSIZE || (*end != ',' && *end != '\0'))
            return -EINVAL;
        for (unsigned long cpu = first; cpu <= last; cpu++)
            CPU_SET(cpu, set);
        if (*end == '\0')
            return 0;
        text = end + 1;
    }
}

static int take_pid(struct traffic_options *options, const struct row *row, const char *text)
{
    char path[32];
    double value;

    if (!parse_real(text, row, &value) || value != floor(value))
        return -EINVAL;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)value);
    if (access(path, R_OK) < 0)
        return -EINVAL;
    if (options->n_pids == TRAFFIC_PIDS_MAX)
        return -E2BIG;
    options->pids[options->n_pids++] = (int)value;
    return 0;
}

static int take_stream(struct traffic_options *options, const struct row *row, const char *text)
{
    bool is_ping = options->command == TRAFFIC_LATENCY && strcmp(row->name, "stream") == 0;

    return traffic_layout_parse_stream(is_ping ? &options->ping : &options->layout, text);
}

static int take_mesh(struct traffic_options *options, const struct row *row, const char *text)
{
    return traffic_layout_parse_mesh(&options->layout, text);
}

static int take_listener(struct traffic_options *options, const struct row *row, const char *text)
{
    struct traffic_point point;

    return traffic_layout_add_point(&options->layout, text, &point);
}

static int take_learner(struct traffic_options *options, const struct row *row, const char *text)
{
    options->has_learner = true;
    return traffic_layout_add_point(&options->layout, text, &options->learner);
}

static int take_tester(struct traffic_options *options, const struct row *row, const char *text)
{
    options->has_tester = true;
    return traffic_layout_add_point(&options->layout, text, &options->tester);
}

static int take_monitor(struct traffic_options *options, const struct row *row, const char *text)
{
    options->has_monitor = true;
    return traffic_layout_add_point(&options->layout, text, &options->monitor);
}

static int take_from(struct traffic_options *options, const struct row *row, const char *text)
{
    options->has_from = true;
    return traffic_layout_add_point(&options->layout, text, &options->from);
}

static int count_receiver(struct traffic_layout *layout, const struct traffic_point *point,
                          void *arg)
{
    struct traffic_options *options = arg;

    options->n_receivers++;
    return 0;
}

static int take_to(struct traffic_options *options, const struct row *row, const char *text)
{
    return traffic_layout_parse_points(&options->layout, text, count_receiver, options);
}

static int take_mac(struct traffic_options *options, const struct row *row, const char *text)
{
    return mac_parse(text, &options->first_mac) && !mac_is_group(options->first_mac) ? 0 : -EINVAL;
}

#define AT(field)      offsetof(struct traffic_options, field)
#define WITH_ADDRESSES (BIT(RATE) | BIT(SEARCH))

static const struct row rows[] = {
    {"stream", BIT(RATE) | BIT(SEARCH) | BIT(LATENCY) | BIT(SELF), take_stream, 0, 0, 0,
     "two points of two interfaces, NS/IF:MAC>NS/IF:MAC"},
    {"mesh", WITH_ADDRESSES, take_mesh, 0, 0, 0,
     "two points or more, of as many interfaces, NS/IF:MAC,NS/IF:MAC"},
    {"listen", WITH_ADDRESSES, take_listener, 0, 0, 0, "a point, NS/IF:MAC"},
    {"size", ALL & ~BIT(SELF), take_number, AT(size), TRAFFIC_SIZE_MIN, TRAFFIC_SIZE_MAX,
     "60 to 9014 bytes"},
    {"pps", BIT(RATE) | BIT(BROADCAST), take_rate, AT(pps), 1, 100 * MILLION,
     "frames per second, or max"},
    {"seconds", ALL_SENDERS & ~BIT(SEARCH), take_seconds, AT(duration_ns), 0.1, 300,
     "0.1 to 300 seconds"},
    {"warmup", ALL_SENDERS, take_seconds, AT(warmup_ns), 0, 60, "at most 60 seconds"},
    {"patience", ALL, take_seconds, AT(patience_ns), 0, 60, "at most 60 seconds"},
    {"burst", ALL_SENDERS, take_number, AT(burst), 1, 256, "1 to 256 frames"},
    {"pace", ALL_SENDERS, take_pace, 0, 0, 0, "auto, spin or sleep"},
    {"tx-threads", ALL_SENDERS, take_number, AT(tx_threads), 1, 64, "1 to 64 threads"},
    {"cpu-tx", ALL_SENDERS, take_cpus, AT(cpu_tx), 0, 0, "a list of CPUs as 0,2-3"},
    {"cpu-rx", ALL_SENDERS, take_cpus, AT(cpu_rx), 0, 0, "a list of CPUs as 0,2-3"},
    {"ip", ALL_SENDERS, take_flag, AT(is_ip), 0, 0, NULL},
    {"src-macs", WITH_ADDRESSES, take_number, AT(n_src_macs), 1, 1 << 20, "1 to 1048576 addresses"},
    {"dst-macs", WITH_ADDRESSES, take_number, AT(n_dst_macs), 1, 1 << 20, "1 to 1048576 addresses"},
    {"learn", WITH_ADDRESSES, take_flag, AT(learns_all), 0, 0, NULL},
    {"learn-pps", WITH_ADDRESSES | BIT(LEARN), take_rate, AT(learn_pps), 1, 100 * MILLION,
     "frames per second, or max"},
    {"no-teach", ALL_SENDERS, take_flag, AT(teaches_nothing), 0, 0, NULL},
    {"watch-pid", ALL_SENDERS, take_pid, 0, 1, INT32_MAX, "the number of a process that is there"},
    {"loss", BIT(SEARCH), take_fraction, AT(loss), 0, 1, "a fraction of 1"},
    {"resolution", BIT(SEARCH), take_fraction, AT(resolution), 0.001, 1, "0.001 to 1"},
    {"trial-seconds", BIT(SEARCH), take_seconds, AT(trial_ns), 0.1, 300, "0.1 to 300 seconds"},
    {"max-pps", BIT(SEARCH), take_number, AT(max_pps), 1, 100 * MILLION, "frames per second"},
    {"retries", BIT(SEARCH), take_number, AT(retries), 0, 5, "0 to 5"},
    {"count", BIT(LATENCY) | BIT(LEARN), take_number, AT(count), 1, 10 * MILLION, "a number"},
    {"interval", BIT(LATENCY), take_seconds, AT(interval_ns), 0, 1, "at most a second"},
    {"cpu-a", BIT(LATENCY), take_cpus, AT(cpu_a), 0, 0, "a CPU"},
    {"cpu-b", BIT(LATENCY), take_cpus, AT(cpu_b), 0, 0, "a CPU"},
    {"load", BIT(LATENCY), take_rate, AT(load_pps), 1, 100 * MILLION, "frames per second"},
    {"load-stream", BIT(LATENCY), take_stream, 0, 0, 0,
     "two points of two interfaces, NS/IF:MAC>NS/IF:MAC"},
    {"load-size", BIT(LATENCY), take_number, AT(load_size), TRAFFIC_SIZE_MIN, TRAFFIC_SIZE_MAX,
     "60 to 9014 bytes"},
    {"learner", BIT(LEARN), take_learner, 0, 0, 0, "a point, NS/IF:MAC"},
    {"tester", BIT(LEARN), take_tester, 0, 0, 0, "a point, NS/IF:MAC"},
    {"monitor", BIT(LEARN), take_monitor, 0, 0, 0, "a point, NS/IF:MAC"},
    {"test-pps", BIT(LEARN), take_rate, AT(test_pps), 1, 100 * MILLION, "frames per second"},
    {"first-mac", BIT(LEARN), take_mac, 0, 0, 0, "the address of a single host"},
    {"from", BIT(BROADCAST), take_from, 0, 0, 0, "a point, NS/IF:MAC"},
    {"to", BIT(BROADCAST), take_to, 0, 0, 0, "points, NS/IF:MAC,NS/IF:MAC"},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* What getopt_long() returns is the row, or one of two characters. */
static_assert(N_ROWS < '?' && '?' < 'h', "rows and characters differ");

__attribute__((format(printf, 1, 2))) static enum traffic_outcome wrong(const char *format, ...)
{
    va_list args;

    fputs("ringspan-traffic: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("; see --help\n", stderr);
    return TRAFFIC_WRONG;
}

static void set_defaults(enum traffic_command command, struct traffic_options *ret_options)
{
    *ret_options = (struct traffic_options){
        .command = command,
        .size = TRAFFIC_SIZE_MIN,
        .duration_ns = 2 * NS_PER_SEC,
        .warmup_ns = 300 * NS_PER_MS,
        .burst = 32,
        .tx_threads = 1,
        .n_src_macs = 1,
        .n_dst_macs = 1,
        .learn_pps = 50000,
        .loss = 0.001,
        .resolution = 0.02,
        .trial_ns = NS_PER_SEC,
        .count = 10000,
        .load_size = TRAFFIC_SIZE_MIN,
        .test_pps = 50000,
    };
    if (command == TRAFFIC_LATENCY)
        ret_options->duration_ns = 5 * NS_PER_SEC;
    if (command == TRAFFIC_SELF)
        ret_options->duration_ns = NS_PER_SEC;
}

static enum traffic_outcome take_option(struct traffic_options *options, const struct row *row,
                                        const char *text)
{
    int r;

    if (!(row->commands & 1u << options->command))
        return wrong("%s has no option --%s", command_names[options->command], row->name);
    r = row->take(options, row, text);
    switch (r) {
    case 0:
        return TRAFFIC_RUN;
    case -ENOMEM:
        return wrong("out of memory");
    case -E2BIG:
        return wrong("--%s: these are too many", row->name);
    default:
        return wrong("--%s takes %s", row->name, row->takes);
    }
}

struct range {
    uint32_t end;
    uint64_t first;
    uint64_t n;
};

static bool overlap(const struct range *a, const struct range *b)
{
    return a->end != b->end && a->first < b->first + b->n && b->first < a->first + a->n;
}

/* An address at two ends would have the switch send its frames now here, now there. */
static bool has_address_twice(const struct traffic_options *options)
{
    const struct traffic_layout *layout = &options->layout;

    for (uint32_t i = 0; i < layout->n_streams; i++) {
        const struct traffic_stream *a = &layout->streams[i];
        const struct range from = {a->from.end, a->from.mac, options->n_src_macs};

        for (uint32_t j = 0; j < layout->n_streams; j++) {
            const struct traffic_stream *b = &layout->streams[j];
            const struct range other = {b->from.end, b->from.mac, options->n_src_macs};
            const struct range to = {a->to.end, a->to.mac, options->n_dst_macs};
            const struct range other_to = {b->to.end, b->to.mac, options->n_dst_macs};

            if (overlap(&from, &other) || overlap(&from, &other_to) || overlap(&to, &other_to))
                return true;
        }
    }
    return false;
}

/* What the options say together. */
static enum traffic_outcome check_all(const struct traffic_options *options)
{
    bool wants_stream = options->command == TRAFFIC_RATE || options->command == TRAFFIC_SEARCH;

    if (wants_stream && options->layout.n_streams == 0)
        return wrong("%s needs a --stream or a --mesh", command_names[options->command]);
    if (wants_stream && has_address_twice(options))
        return wrong("there are addresses that belong to two interfaces");
    if (options->command == TRAFFIC_SELF && options->layout.n_streams != 1)
        return wrong("self needs one --stream");
    if (options->command == TRAFFIC_LATENCY && options->ping.n_streams != 1)
        return wrong("latency needs one --stream");
    if (options->command == TRAFFIC_LATENCY &&
        (options->load_pps > 0) != (options->layout.n_streams > 0))
        return wrong("--load and --load-stream need each other");
    if (options->command == TRAFFIC_LEARN && !(options->has_learner && options->has_tester &&
                                               options->has_monitor && options->layout.n_ends == 3))
        return wrong("learn needs --learner, --tester and --monitor, three interfaces");
    if (options->command == TRAFFIC_BROADCAST &&
        !(options->has_from && options->n_receivers > 0 &&
          options->layout.n_ends == options->n_receivers + 1))
        return wrong("broadcast needs --from and --to, all of them different interfaces");
    if (options->command != TRAFFIC_SEARCH && options->warmup_ns >= options->duration_ns)
        return wrong("--warmup must be less than --seconds");
    return TRAFFIC_RUN;
}

static bool find_command(const char *name, enum traffic_command *ret_command)
{
    for (unsigned i = 0; i < TRAFFIC_COMMANDS; i++) {
        if (strcmp(name, command_names[i]) == 0) {
            *ret_command = (enum traffic_command)i;
            return true;
        }
    }
    return false;
}

static void fill_long_options(struct option *ret_options)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        ret_options[i] = (struct option){.name = rows[i].name,
                                         .has_arg = rows[i].takes ? required_argument : no_argument,
                                         .val = (int)i};
    }
    ret_options[N_ROWS] = (struct option){.name = "help", .val = 'h'};
    ret_options[N_ROWS + 1] = (struct option){0};
}

enum traffic_outcome traffic_options_parse(int argc, char **argv,
                                           struct traffic_options *ret_options)
{
    struct option long_options[N_ROWS + 2];
    enum traffic_command command = TRAFFIC_RATE;
    bool has_command = argc > 1 && find_command(argv[1], &command);
    int option;

    set_defaults(command, ret_options);
    fill_long_options(long_options);
    optind = has_command ? 2 : 1;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        enum traffic_outcome outcome;

        if (option == 'h') {
            fputs(help, stdout);
            return TRAFFIC_DONE;
        }
        if (option == '?')
            return TRAFFIC_WRONG; /* getopt said why */
        if (!has_command)
            break;
        outcome = take_option(ret_options, &rows[option], optarg);
        if (outcome != TRAFFIC_RUN)
            return outcome;
    }
    if (!has_command)
        return wrong("the first argument is rate, search, latency, learn, broadcast or self");
    if (optind < argc)
        return wrong("%s is an argument too many", argv[optind]);
    return check_all(ret_options);
}

void traffic_options_fini(struct traffic_options *options)
{
    traffic_layout_fini(&options->layout);
    traffic_layout_fini(&options->ping);
}
