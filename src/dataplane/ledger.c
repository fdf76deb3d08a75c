/* SPDX-License-Identifier: ISC */
#include "ringspan/ledger.h"

#include <stddef.h>

static const struct {
    const char *name;
    const char *sentence;
    enum drop_class class;
} reasons[] = {
#define X(symbol, name_, class_, sentence_) \
    [DROP_##symbol] = {.name = (name_), .sentence = (sentence_), .class = DROP_CLASS_##class_},
    RINGSPAN_DROP_REASONS(X)
#undef X
};

static const char *const class_names[] = {
    [DROP_CLASS_FILTERED] = "filtered",
    [DROP_CLASS_LOST] = "lost",
};

_Static_assert(sizeof(reasons) / sizeof(reasons[0]) == DROP_N_REASONS, "one row for each reason");
_Static_assert(sizeof(class_names) / sizeof(class_names[0]) == DROP_CLASS_LOST + 1,
               "one name for each class");

const char *drop_reason_name(enum drop_reason reason)
{
    return reasons[reason].name;
}

const char *drop_reason_sentence(enum drop_reason reason)
{
    return reasons[reason].sentence;
}

enum drop_class drop_reason_class(enum drop_reason reason)
{
    return reasons[reason].class;
}

const char *drop_class_name(enum drop_class class)
{
    return class_names[class];
}

bool drop_reason_is_of_egress(enum drop_reason reason)
{
    return reason >= DROP_TOO_LONG;
}

/* DROP_NONE is no reason: a count that strays there must break the sum, not hide in it. */
uint64_t ledger_sum_dropped(const uint64_t dropped[DROP_N_REASONS])
{
    uint64_t sum = 0;

    for (int reason = DROP_NONE + 1; reason < DROP_N_REASONS; reason++)
        sum += dropped[reason];
    return sum;
}

bool ledger_in_balances(const struct ledger_snapshot *snapshot)
{
    const struct ledger_port *port = &snapshot->counters;

    return port->received.frames == port->unicast + port->flooded + port->consumed +
                                        ledger_sum_dropped(port->in_dropped) + snapshot->held_in;
}

bool ledger_out_balances(const struct ledger_snapshot *snapshot)
{
    const struct ledger_port *port = &snapshot->counters;

    return port->decided + port->originated + port->mirrored + port->duplicated ==
           port->accepted.frames + ledger_sum_dropped(port->out_dropped) + snapshot->held_out;
}

uint64_t ledger_unread(const struct ledger_snapshot *snapshot)
{
    const struct ledger_port *port = &snapshot->counters;

    return snapshot->has_kernel ? port->tp_packets - port->received.frames - port->tp_drops : 0;
}

bool ledger_kernel_balances(const struct ledger_snapshot *snapshot)
{
    uint64_t unread = ledger_unread(snapshot);

    return !snapshot->has_kernel ||
           (unread >= snapshot->unread_min && unread <= snapshot->unread_max);
}

bool ledger_across_balances(const struct ledger_snapshot *snapshots, uint32_t n,
                            const struct ledger_retired *retired)
{
    uint64_t fanout = retired->fanout;
    uint64_t decided = retired->decided;

    for (uint32_t i = 0; i < n; i++) {
        fanout += snapshots[i].counters.fanout;
        decided += snapshots[i].counters.decided;
    }
    return fanout == decided;
}
