/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

/* What STP makes of 10 Mbit/s; and what many kernels say of a tap unless somebody says otherwise.
 */
#define TAP_SPEED 10

/* ---- findings ---- */

__attribute__((format(printf, 2, 0))) static void format_into(char text[DOCTOR_TEXT_SIZE],
                                                              const char *format, va_list args)
{
    vsnprintf(text, DOCTOR_TEXT_SIZE, format, args);
}

static struct doctor_finding *add(struct doctor_report *report, bool is_problem,
                                  const struct doctor_port *port)
{
    static struct doctor_finding nowhere;
    void *bigger =
        reallocarray(report->findings, report->n_findings + 1, sizeof(*report->findings));
    struct doctor_finding *finding;

    if (!bigger) {
        report->has_failed = true;
        return &nowhere;
    }
    report->findings = bigger;
    finding = &report->findings[report->n_findings++];
    *finding = (struct doctor_finding){.is_problem = is_problem};
    if (port)
        strcpy(finding->port, port->name);
    return finding;
}

__attribute__((format(printf, 2, 3))) static void say(struct doctor_finding *finding,
                                                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_into(finding->sentence, format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3))) static void cure(struct doctor_finding *finding,
                                                       const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_into(finding->cure, format, args);
    va_end(args);
}

/* A cure is pasted into a shell, and an interface may be called "$(reboot)". */
struct quoted {
    char text[4 * GRAPH_NETNS_SIZE];
};

static const char *quote(const char *name, struct quoted *ret)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
    char *to = ret->text;

    if (strspn(name, plain) == strlen(name) && *name != '-') {
        strcpy(to, name);
        return ret->text;
    }
    *to++ = '\'';
    for (; *name; name++) {
        if (*name == '\'')
            to = stpcpy(to, "'\\'");
        *to++ = *name;
    }
    strcpy(to, "'");
    return ret->text;
}

/* "ip link set dev r1", or what it takes in the namespace of the port. */
static const char *ip_link_set(const struct doctor_port *port, char text[DOCTOR_TEXT_SIZE])
{
    struct quoted netns;
    struct quoted ifname;

    if (*port->netns == '/')
        snprintf(text, DOCTOR_TEXT_SIZE, "nsenter --net=%s ip link set dev %s",
                 quote(port->netns, &netns), quote(port->ifname, &ifname));
    else
        snprintf(text, DOCTOR_TEXT_SIZE, "ip%s%s link set dev %s", *port->netns ? " -n " : "",
                 *port->netns ? quote(port->netns, &netns) : "", quote(port->ifname, &ifname));
    return text;
}

/* ---- ports ---- */

static void look_enslaved(const struct doctor_facts *facts, const struct doctor_port *port,
                          struct doctor_report *report)
{
    char command[DOCTOR_TEXT_SIZE];
    struct doctor_finding *finding;

    if (!*port->master)
        return;
    finding = add(report, true, port);
    say(finding,
        "its interface %s is enslaved to %s, which forwards the same frames: they cross twice",
        port->ifname, port->master);
    cure(finding, "%s nomaster", ip_link_set(port, command));
}

static void look_vnet_header(const struct doctor_facts *facts, const struct doctor_port *port,
                             struct doctor_report *report)
{
    struct doctor_finding *finding;

    if (port->vnet_header != DOCTOR_NO)
        return;
    finding = add(report, false, port);
    say(finding,
        "whoever opened the tap %s takes no offload header: superframes for it are cut in software, "
        "and TCP is several times slower",
        port->ifname);
    cure(finding, "let it open the tap with IFF_VNET_HDR (QEMU: vnet_hdr=on)");
}

/* What most ports of a bridge have, if most of them have the same (Boyer and Moore's vote). */
static uint32_t usual_mtu(const struct doctor_facts *facts, const char *bridge)
{
    uint32_t usual = 0;
    uint32_t lead = 0;

    for (uint32_t i = 0; i < facts->n_ports; i++) {
        uint32_t mtu = facts->ports[i].mtu;

        if (mtu == 0 || strcmp(facts->ports[i].bridge, bridge) != 0)
            continue;
        if (lead == 0)
            usual = mtu;
        lead += mtu == usual ? 1 : -1u;
    }
    return usual;
}

static void look_mtu(const struct doctor_facts *facts, const struct doctor_port *port,
                     struct doctor_report *report)
{
    char command[DOCTOR_TEXT_SIZE];
    struct doctor_finding *finding;
    uint32_t usual;

    if (port->mtu == 0)
        return;
    if (port->peer.mtu > 0 && port->peer.mtu != port->mtu) {
        finding = add(report, true, port);
        say(finding,
            "its MTU is %u, and that of the other end of the cable, %s, is %u: longer frames are lost",
            port->mtu, port->peer.ifname, port->peer.mtu);
        cure(finding, "%s mtu %u", ip_link_set(port, command), port->peer.mtu);
        return;
    }
    usual = usual_mtu(facts, port->bridge);
    if (usual == port->mtu)
        return;
    finding = add(report, true, port);
    say(finding,
        "its MTU is %u, and that of other ports of %s is %u: frames longer than the smaller one are lost as too_long",
        port->mtu, port->bridge, usual);
    cure(finding, "%s mtu %u", ip_link_set(port, command), usual);
}

static void look_offloads(const struct doctor_facts *facts, const struct doctor_port *port,
                          struct doctor_report *report)
{
    struct doctor_finding *finding;
    struct quoted ifname;

    if (port->lro != DOCTOR_YES)
        return;
    finding = add(report, true, port);
    say(finding,
        "%s has LRO on, which merges frames in a way that cannot be undone: what is forwarded is not "
        "what arrived",
        port->ifname);
    cure(finding, "ethtool -K %s lro off", quote(port->ifname, &ifname));
}

static void look_tap_speed(const struct doctor_facts *facts, const struct doctor_port *port,
                           struct doctor_report *report)
{
    struct doctor_finding *finding;
    struct quoted ifname;

    if (!port->is_tap || port->speed != TAP_SPEED)
        return;
    finding = add(report, false, port);
    say(finding,
        "the tap %s says it has %u Mbit/s, as taps do if nobody says otherwise: STP and routing protocols take that for its "
        "cost (frames are not slower)",
        port->ifname, TAP_SPEED);
    cure(
        finding,
        "\"speed\": 10000 for the port in the configuration, or ethtool -s %s speed 10000 duplex full",
        quote(port->ifname, &ifname));
}

static bool is_shaper(const char *qdisc)
{
    static const char *const shapers[] = {"tbf", "htb",    "hfsc", "cake", "netem",
                                          "cbs", "taprio", "red",  "sfb",  "etf"};

    for (size_t i = 0; i < sizeof(shapers) / sizeof(*shapers); i++) {
        if (strcmp(qdisc, shapers[i]) == 0)
            return true;
    }
    return false;
}

static void look_shaping(const struct doctor_facts *facts, const struct doctor_port *port,
                         struct doctor_report *report)
{
    struct doctor_finding *finding;
    struct quoted ifname;

    if (!is_shaper(port->qdisc))
        return;
    finding = add(report, false, port);
    say(finding, "%s has the queueing discipline %s, which delays or drops what leaves by the port",
        port->ifname, port->qdisc);
    cure(finding, "tc qdisc del dev %s root, or \"qdisc_bypass\": true for the port",
         quote(port->ifname, &ifname));
}

static void look_reader(const struct doctor_facts *facts, const struct doctor_port *port,
                        struct doctor_report *report)
{
    struct doctor_finding *finding;
    struct quoted ifname;

    if (!port->is_tap || !port->is_there || !port->is_up || port->has_carrier)
        return;
    finding = add(report, true, port);
    say(finding, "nobody has the tap %s open, so nobody reads what is sent to it", port->ifname);
    cure(finding, "start the machine that it is for (QEMU: -netdev tap,ifname=%s,script=no)",
         quote(port->ifname, &ifname));
}

static void look_isolation(const struct doctor_facts *facts, const struct doctor_port *port,
                           struct doctor_report *report)
{
    struct doctor_finding *finding;

    if (!port->is_bound || port->isolated != DOCTOR_NO)
        return;
    finding = add(report, false, port);
    say(finding, "it is not isolated: this host's own network stack answers and sends on %s",
        port->ifname);
    cure(
        finding,
        "give the daemon CAP_BPF or CAP_NET_ADMIN (or nftables in the kernel), or say \"isolate_host\": "
        "false if that is meant");
}

static void look_bridge_netfilter(const struct doctor_facts *facts, struct doctor_report *report)
{
    for (uint32_t i = 0; i < facts->n_ports && facts->bridge_netfilter == DOCTOR_YES; i++) {
        const struct doctor_port *port = &facts->ports[i];
        const char *own = *port->netns ? "" : port->master;
        const char *peers = *port->peer.netns ? "" : port->peer.master;
        struct doctor_finding *finding;

        /* It is asked for in this namespace, and others have their own. */
        if (!*own && !*peers)
            continue;
        finding = add(report, true, port);
        say(finding,
            "behind it is the kernel bridge %s, and bridge-nf-call-iptables is on: firewall rules of this host "
            "(Docker's, say) drop frames there",
            *peers ? peers : own);
        cure(finding, "sysctl -w net.bridge.bridge-nf-call-iptables=0");
    }
}

/* ---- mirrors ---- */

static const struct doctor_port *find_port(const struct doctor_facts *facts, const char *name)
{
    uint32_t i = 0;

    while (i < facts->n_ports && strcmp(facts->ports[i].name, name) != 0)
        i++;
    return i < facts->n_ports ? &facts->ports[i] : NULL;
}

static void cure_port(struct doctor_finding *finding, const struct doctor_port *port)
{
    char command[DOCTOR_TEXT_SIZE];
    struct quoted name;

    if (strcmp(port->state, "waiting") == 0)
        cure(finding, "make the interface %s, or let the port or the mirror name another one",
             quote(port->ifname, &name));
    else if (strcmp(port->state, "disabled") == 0)
        cure(finding, "ringspan port set %s up", quote(port->name, &name));
    else if (port->is_there && !port->is_up)
        cure(finding, "%s up", ip_link_set(port, command));
    else
        cure(finding, "ringspan port show %s, and see to the other end of its cable",
             quote(port->name, &name));
}

static void judge_output_port(const struct doctor_facts *facts, const struct doctor_mirror *mirror,
                              struct doctor_report *report)
{
    const struct doctor_port *port = find_port(facts, mirror->output_port);
    struct doctor_finding *finding;

    if (!port)
        return;
    finding = add(report, true, port);
    say(finding, "the mirror %s of %s has nowhere to copy to: this is its output_port, and %s (%s)",
        mirror->name, mirror->bridge, port->state, port->reason);
    cure_port(finding, port);
}

static void judge_output_vlan(const struct doctor_mirror *mirror, struct doctor_report *report)
{
    struct doctor_finding *finding = add(report, true, NULL);

    say(finding, "the mirror %s of %s has nowhere to copy to: no port that forwards is in VLAN %u",
        mirror->name, mirror->bridge, mirror->output_vlan);
    cure(finding,
         "bring up a port that has the VLAN (ringspan vlan), or add it to the \"allowed\" of one");
}

/* What comes and goes may be meant to; what is not there at all, hardly. */
static void judge_source(const struct doctor_facts *facts, const struct doctor_source *source,
                         struct doctor_report *report)
{
    const struct doctor_port *port = find_port(facts, source->port);
    struct doctor_finding *finding;

    if (!port || (strcmp(port->state, "waiting") != 0 && strcmp(port->state, "error") != 0))
        return;
    finding = add(report, false, port);
    say(finding, "the mirror %s copies nothing of it: it is %s (%s)", source->mirror, port->state,
        port->reason);
    cure_port(finding, port);
}

static void look_mirrors(const struct doctor_facts *facts, struct doctor_report *report)
{
    for (uint32_t i = 0; i < facts->n_mirrors; i++) {
        const struct doctor_mirror *mirror = &facts->mirrors[i];

        if (mirror->is_ready)
            continue;
        if (*mirror->output_port)
            judge_output_port(facts, mirror, report);
        else
            judge_output_vlan(mirror, report);
    }
    for (uint32_t i = 0; i < facts->n_sources; i++)
        judge_source(facts, &facts->sources[i], report);
}

/* ---- the machine ---- */

static void look_softnet(const struct doctor_facts *facts, struct doctor_report *report)
{
    struct doctor_finding *finding;

    if (!facts->knows_softnet || facts->softnet_drops == 0)
        return;
    finding = add(report, false, NULL);
    say(finding,
        "since it was started this machine dropped %llu frames between interfaces because a CPU's backlog was "
        "full: no port counts them",
        (unsigned long long)facts->softnet_drops);
    cure(finding, "sysctl -w net.core.netdev_max_backlog=10000");
}

/* Bugs that a user of packet sockets and veth meets, and the kernels that have them. Ranges are
 * those of the kernel's own CVE records, as OSV has them; of the last one there is no record, and
 * only of 6.6 it is known when it came and went. A kernel in no range is not known to have the bug.
 */
struct kernel_range {
    struct doctor_kernel first; /* with the bug */
    struct doctor_kernel fixed; /* without it */
};

struct kernel_bug {
    const char *name;
    const char *sentence; /* "Linux 6.1.2 …" */
    struct kernel_range ranges[8];
};

/* clang-format off */
static const struct kernel_bug kernel_bugs[] = {
    /* net/packet: fix a race in packet_set_ring() and packet_notifier() */
    {"CVE-2025-38617", "may crash when a link comes up while a port opens or closes its rings",
     {{{2, 6, 12}, {5, 4, 297}}, {{5, 5, 0}, {5, 10, 241}}, {{5, 11, 0}, {5, 15, 190}},
      {{5, 16, 0}, {6, 1, 148}}, {{6, 2, 0}, {6, 6, 102}}, {{6, 7, 0}, {6, 12, 42}},
      {{6, 13, 0}, {6, 15, 10}}, {{6, 16, 0}, {6, 16, 1}}}},
    /* net: fix fanout UAF in packet_release() via NETDEV_UP race */
    {"CVE-2026-31504", "may crash when a program that captures with a fanout ends as a link comes up",
     {{{3, 1, 0}, {5, 10, 253}}, {{5, 11, 0}, {5, 15, 203}}, {{5, 16, 0}, {6, 1, 168}},
      {{6, 2, 0}, {6, 6, 131}}, {{6, 7, 0}, {6, 12, 80}}, {{6, 13, 0}, {6, 18, 21}},
      {{6, 19, 0}, {6, 19, 11}}}},
    /* net/packet: fix TOCTOU race on mmap'd vnet_hdr in tpacket_snd() */
    {"CVE-2026-31700", "trusts the offload headers in the rings of whoever may open packet sockets",
     {{{4, 6, 0}, {5, 10, 259}}, {{5, 11, 0}, {5, 15, 210}}, {{5, 16, 0}, {6, 1, 176}},
      {{6, 2, 0}, {6, 6, 136}}, {{6, 7, 0}, {6, 12, 84}}, {{6, 13, 0}, {6, 18, 25}},
      {{6, 19, 0}, {7, 0, 2}}}},
    /* veth: more robust handing of race to avoid txq getting stuck */
    {"CVE-2025-68232", "may stop a cable between a port with gro and an interface with a queueing discipline (\"gro\": \"off\" avoids it)",
     {{{6, 16, 0}, {6, 17, 10}}}},
    /* net: consume xmit errors of GSO frames */
    {"CVE-2026-43194", "may leave TCP stuck after losses on the way to a port with gro (\"gro\": \"off\" avoids it)",
     {{{3, 18, 0}, {5, 10, 252}}, {{5, 11, 0}, {5, 15, 202}}, {{5, 16, 0}, {6, 1, 165}},
      {{6, 2, 0}, {6, 6, 128}}, {{6, 7, 0}, {6, 12, 75}}, {{6, 13, 0}, {6, 18, 16}},
      {{6, 19, 0}, {6, 19, 6}}}},
    /* net: missing check virtio; net: drop bad gso csum_start and offset in virtio_net_hdr */
    {"e269d79c7d35", "refuses some superframes with EINVAL: TCP is slow",
     {{{6, 6, 44}, {6, 6, 46}}}},
};
/* clang-format on */

static bool is_before(const struct doctor_kernel *a, const struct doctor_kernel *b)
{
    if (a->major != b->major)
        return a->major < b->major;
    return a->minor != b->minor ? a->minor < b->minor : a->patch < b->patch;
}

/* NULL: it does not have the bug. */
static const struct kernel_range *range_of(const struct kernel_bug *bug,
                                           const struct doctor_kernel *kernel)
{
    const uint32_t n = sizeof(bug->ranges) / sizeof(*bug->ranges);

    for (uint32_t i = 0; i < n && bug->ranges[i].fixed.major != 0; i++) {
        const struct kernel_range *range = &bug->ranges[i];

        if (!is_before(kernel, &range->first) && is_before(kernel, &range->fixed))
            return range;
    }
    return NULL;
}

static void look_kernel(const struct doctor_facts *facts, struct doctor_report *report)
{
    const struct doctor_kernel *kernel = &facts->kernel;

    for (size_t i = 0; i < sizeof(kernel_bugs) / sizeof(*kernel_bugs); i++) {
        const struct kernel_bug *bug = &kernel_bugs[i];
        const struct kernel_range *range = range_of(bug, kernel);
        struct doctor_finding *finding;

        if (!range)
            continue;
        finding = add(report, true, NULL);
        say(finding, "Linux %u.%u.%u %s (%s, fixed in %u.%u.%u)", kernel->major, kernel->minor,
            kernel->patch, bug->sentence, bug->name, range->fixed.major, range->fixed.minor,
            range->fixed.patch);
        cure(
            finding,
            "apt-get update && apt-get install linux-image-$(dpkg --print-architecture), and reboot");
    }
}

static const struct {
    uint32_t bit;
    const char *name;
    const char *what_for;
    bool is_for_netns;
} wanted_capabilities[] = {
    {CAP_NET_RAW, "CAP_NET_RAW", "ports cannot open", false},
    {CAP_NET_ADMIN, "CAP_NET_ADMIN",
     "ports are not isolated, taps are not made, and superframes may be truncated", false},
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "ports with a netns stay in error", true},
};

static void look_capabilities(const struct doctor_facts *facts, struct doctor_report *report)
{
    for (size_t i = 0; i < sizeof(wanted_capabilities) / sizeof(*wanted_capabilities); i++) {
        struct doctor_finding *finding;

        if (!facts->knows_capabilities || facts->capabilities >> wanted_capabilities[i].bit & 1 ||
            (wanted_capabilities[i].is_for_netns && !facts->uses_netns))
            continue;
        finding = add(report, true, NULL);
        say(finding, "the daemon lacks %s: %s", wanted_capabilities[i].name,
            wanted_capabilities[i].what_for);
        cure(finding, "AmbientCapabilities=%s in its unit%s, or run it as root",
             wanted_capabilities[i].name,
             wanted_capabilities[i].is_for_netns ? " (netns.conf among the examples)" : "");
    }
}

/* ---- the table ---- */

static const struct doctor_check checks[] = {
    {"enslaved", "interfaces that a bridge, bond or OVS has as well", look_enslaved, NULL},
    {"mtu", "MTUs of ports, of the other ends of their cables, and of the rest of the bridge",
     look_mtu, NULL},
    {"reader", "taps that nobody has open", look_reader, NULL},
    {"vnet_header", "taps that take no offload header", look_vnet_header, NULL},
    {"tap_speed", "taps that say 10 Mbit/s", look_tap_speed, NULL},
    {"shaping", "queueing disciplines that shape", look_shaping, NULL},
    {"offloads", "offloads that change frames for good (LRO)", look_offloads, NULL},
    {"isolation", "ports that this host's own stack is on", look_isolation, NULL},
    {"mirror", "mirrors that have nowhere to copy to, or nothing to copy", NULL, look_mirrors},
    {"bridge_netfilter", "firewall rules for kernel bridges behind ports", NULL,
     look_bridge_netfilter},
    {"backlog", "frames that a CPU's backlog had no room for", NULL, look_softnet},
    {"kernel", "known bugs of packet sockets and veth in this kernel", NULL, look_kernel},
    {"capabilities", "what the daemon may do", NULL, look_capabilities},
};

const struct doctor_check *doctor_checks(uint32_t *ret_n)
{
    *ret_n = sizeof(checks) / sizeof(*checks);
    return checks;
}

static void do_check(const struct doctor_check *check, const struct doctor_facts *facts,
                     struct doctor_report *report)
{
    uint32_t before = report->n_findings;

    if (check->look)
        check->look(facts, report);
    for (uint32_t i = 0; check->look_at_port && i < facts->n_ports; i++)
        check->look_at_port(facts, &facts->ports[i], report);
    for (uint32_t i = before; i < report->n_findings; i++)
        report->findings[i].check = check->name;
}

void doctor_examine(const struct doctor_facts *facts, struct doctor_report *ret_report)
{
    *ret_report = (struct doctor_report){0};
    for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
        do_check(&checks[i], facts, ret_report);
}

void doctor_report_fini(struct doctor_report *report)
{
    free(report->findings);
    *report = (struct doctor_report){0};
}

bool doctor_report_has_problem(const struct doctor_report *report)
{
    for (uint32_t i = 0; i < report->n_findings; i++) {
        if (report->findings[i].is_problem)
            return true;
    }
    return false;
}

/* 5.15.0-91-generic: the distribution has a count of its own for what it mends, and 0 is no patch
 * level. */
static bool has_own_count(const char *release, const struct doctor_kernel *kernel)
{
    const char *suffix = strchr(release, '-');

    return kernel->patch == 0 && suffix && isdigit((unsigned char)suffix[1]);
}

struct doctor_kernel doctor_parse_kernel(const char *release, const char *version)
{
    static const char debian[] = "Debian ";
    const char *own = strstr(version, debian);
    struct doctor_kernel kernel = {0};

    if (own &&
        sscanf(own + strlen(debian), "%u.%u.%u", &kernel.major, &kernel.minor, &kernel.patch) == 3)
        return kernel;
    if (sscanf(release, "%u.%u.%u", &kernel.major, &kernel.minor, &kernel.patch) != 3 ||
        has_own_count(release, &kernel))
        return (struct doctor_kernel){0};
    return kernel;
}
