/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_METRICS_H
#define RINGSPAN_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/byte_queue.h"
#include "ringspan/daemon.h"

/*
 * Metrics: the daemon's counters and states as text for Prometheus, and what understands the same.
 *
 * A scrape is one such text. It has two parts, and both are done piece by piece, over as many turns
 * of the loop as they take, because thousands of ports are tens of megabytes of text and a frame
 * does not wait for those. First the numbers are copied: those of one port are of one moment, so
 * that its sums (ledger.h) hold within one scrape, and a port that comes or goes meanwhile is in
 * all families or in none. Then the copies are written, family by family, as the formats want it.
 *
 * What there is to be told is one table, which has the name, type, unit, labels and help of each
 * family; ringspan-metrics(7) is held to it by a test. Names follow Prometheus's guide and say what
 * node_exporter says of an interface; labels have few values, none of which a host behind a port
 * can choose: there are no addresses among them. A series is there from the start, with the value
 * 0: the drop reasons of a direction are all there. (Of VLANs, those that anything came into or
 * left by.)
 *
 * The formats are OpenMetrics 1.0 and the older text format 0.0.4. Bytes of an interface's name
 * that are not UTF-8 are written as "\xff" is here.
 */

enum metrics_format {
    METRICS_OPENMETRICS,
    METRICS_TEXT, /* 0.0.4 */
};

enum metrics_type {
    METRICS_COUNTER,
    METRICS_GAUGE,
    METRICS_INFO,
    METRICS_STATESET,
    METRICS_HISTOGRAM,
};

struct metrics_variants;

/* One family. Its samples are called by its name, with "_total" behind a counter's and "_info"
 * behind an info's; those of a histogram with "_bucket", "_count" and "_sum". */
struct metrics_family {
    const char *name;
    enum metrics_type type;
    const char *unit; /* which the name ends with; or NULL */
    const char *help;
    /* The rest is for whoever writes it. */
    unsigned scope;
    size_t offset;
    const struct metrics_variants *variants;
};

const struct metrics_family *metrics_families(uint32_t *ret_n);
/** "counter", … */
const char *metrics_type_name(enum metrics_type type);
/** The labels of its samples, as in "bridge, port"; "" if there are none. */
void metrics_family_labels(const struct metrics_family *family, char *ret_text, size_t size);

/* What scrapes are made of. Caller's storage; outlives them. */
struct metrics_source {
    struct event_loop *loop;
    struct daemon *daemon;
    uint64_t started_us; /* time of day */
    uint32_t n_scrapes;  /* that are under way */
};

struct metrics_scrape;

void metrics_source_init(struct metrics_source *source, struct event_loop *loop,
                         struct daemon *daemon);

/** 0; -EBUSY if there are LIMIT_METRICS_SCRAPES already; or -ENOMEM. */
int metrics_scrape_new(struct metrics_source *source, enum metrics_format format,
                       struct metrics_scrape **ret);
/** NULL is fine. */
void metrics_scrape_free(struct metrics_scrape *scrape);
/** A bounded piece of work, of about a microsecond, that appends at most one line or the lines
 * before a family's first. 1: there is more; 0: that was all; -ENOMEM: it cannot go on. Whether
 * @out had room is the caller's to ask it. */
int metrics_scrape_next(struct metrics_scrape *scrape, struct byte_queue *out);

#endif
