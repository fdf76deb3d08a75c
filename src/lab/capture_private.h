/* SPDX-License-Identifier: ISC */
#ifndef SRC_LAB_CAPTURE_PRIVATE_H
#define SRC_LAB_CAPTURE_PRIVATE_H

#include "ringspan/capture.h"
#include "ringspan/limits.h"
#include "ringspan/pcapng.h"
#include "ringspan/recorder.h"

/*
 * Inside of captures: capture.c notes what happens and hands it out, capture_reader.c is one of
 * those who get it, capture_recorder.c the memory of one that nobody reads, and recorder.c what
 * freezes that.
 */

/* The recorder is the last of them. */
#define CAPTURE_RECORDER LIMIT_CAPTURES
#define CAPTURE_READERS  (LIMIT_CAPTURES + 1)

#define CAPTURE_DESCRIPTION_SIZE 256

/* Of a port that somebody looks at. */
struct capture_point {
    uint32_t readers;                    /* bits, by their numbers */
    uint32_t interface[CAPTURE_READERS]; /* of each of them */
};

/* A frame that arrived, or a copy of one, until it is known what became of it. */
struct sighting {
    struct frame frame; /* bytes are borrowed */
    struct port *port;
    const struct port *other; /* where a copy comes from, or where the only one goes */
    uint64_t id;
    uint64_t time;
    uint32_t cut; /* bytes of the frame that did not get here */
    bool is_copy;
    const char *mirror;   /* that made the copy, or NULL */
    enum verdict verdict; /* of an arrival */
    enum drop_reason reason;
    uint16_t vid;
    uint32_t fanout;
    struct frame_tally tally; /* of a copy */
    struct frame_tally *parent;
};

/* One that is told to readers: as they are to see it. */
struct sight {
    const struct sighting *sighting;
    const uint8_t *bytes; /* on the wire */
    uint32_t len;
    enum drop_reason reason; /* DROP_NONE: it was not dropped */
    const char *verdict;
    const char *comment;
};

struct capture_reader;

/* What the recorder waits for, and what came of it. */
struct recording {
    struct recorder_params params;
    struct recorder_status last; /* `used` and `packets` apart */
    uint64_t counts[RECORDER_N_TRIGGERS];
    uint64_t triggered_at;     /* as the recorder's head was */
    struct event_timer *after; /* goes off when it is to be frozen */
    struct event_timer *news;  /* goes off when there is any to tell: */
    bool trigger_is_news;
    bool freeze_is_news;
    void (*on_change)(void *arg, const struct recorder_status *status);
    void *on_change_arg;
};

struct capture {
    struct event_loop *loop;
    uint64_t (*wall)(void);
    void (*on_end)(void *arg);
    void *on_end_arg;
    void (*release)(void *arg, void *memory);
    void *release_arg;
    struct capture_reader *readers[CAPTURE_READERS];
    struct recording recording;
    uint32_t n_points;
    struct sighting *sightings; /* room for one frame and a copy for each point, at least */
    uint32_t n_sightings;
    uint32_t capacity;
    const struct rx_source *source;
    struct sighting current; /* the last arrival, whether anybody looks at its port or not */
    uint8_t *wire;           /* a frame with its tags in place */
    uint8_t *segment;        /* one that is cut or mended, */
    uint8_t *segment_wire;   /* with its tags in place */
};

/* A port of the capture, perhaps of days gone by. */
struct capture_interface {
    struct port *port; /* NULL: it is gone */
    char name[LIMIT_NAME_SIZE];
    char description[CAPTURE_DESCRIPTION_SIZE];
    uint32_t speed;    /* Mbit/s; 0: unknown */
    uint64_t received; /* frames and copies that there were */
    uint64_t dropped;  /* of them */
    uint64_t accepted; /* that the reader wants */
    uint64_t delivered;
    uint64_t lost;
    uint64_t lost_lately; /* since the last one that was delivered */
    uint64_t ring_drops;  /* frames that the ring had no room for, before it began */
    uint64_t recorded;    /* that the recorder has; of who reads it, those that are to come yet */
};

struct capture_reader {
    struct capture *capture;
    uint32_t number;
    struct capture_params params;
    uint64_t left; /* frames until it ends */
    uint64_t start;
    int fd;
    struct event *event;
    uint32_t epoll_events;
    bool is_ending;
    bool is_asked_to_end;          /* by who reads */
    bool is_cut_off;               /* without being asked, he does not get all of the recorder */
    bool is_recorder;              /* its memory has packets only, and the last ones, */
    uint64_t begin;                /* from here on for those who begin to read */
    uint64_t n_packets;            /* that these get */
    bool is_frozen;                /* nothing comes and nothing goes */
    bool is_waiting;               /* for the recorder to be frozen */
    struct capture_reader *source; /* the recorder that it gets its packets from; or NULL */
    uint64_t source_at;            /* the next one there, */
    uint64_t source_end;           /* and where those begin that came too late */
    uint8_t *bytes;                /* a ring: from tail to head */
    uint64_t head;
    uint64_t tail;
    struct capture_interface *interfaces;
    uint32_t n_interfaces;
    uint32_t n_described; /* in the file */
    uint32_t n_summed_up; /* in the file, when it ends */
};

/** @frame on the wire, in @wire if need be. */
void capture_lay_out(const struct frame *frame, uint8_t *wire, struct sight *sight);

/** 0 or -errno; @ret_fd is the client's end, NULL: it is the recorder. */
int capture_reader_new(struct capture *capture, uint32_t number,
                       const struct capture_params *params, int *ret_fd,
                       struct capture_reader **ret);
/** NULL is fine. What it looks at forgets it. */
void capture_reader_free(struct capture_reader *reader);
bool capture_reader_wants_port(const struct capture_reader *reader, const char *bridge,
                               const struct port *port);
/** 0, -ENOMEM or -ENOSPC. */
int capture_reader_add_port(struct capture_reader *reader, struct port *port,
                            const char *description);
/** What the device says, now that the port of interface number @interface may be bound to one. */
void capture_reader_know_port(struct capture_reader *reader, uint32_t interface,
                              const char *description);
/** Ends it, with statistics. */
void capture_reader_finish(struct capture_reader *reader);
/** @sight is of the reader's interface number @interface. */
void capture_reader_take(struct capture_reader *reader, uint32_t interface,
                         const struct sight *sight);
/** Interface number @interface stays in the file, and gets no more frames. */
void capture_reader_forget(struct capture_reader *reader, uint32_t interface);
/** To be called when all was taken that a turn has. */
void capture_reader_settle(struct capture_reader *reader);
/** As much as goes without waiting. */
void capture_reader_flush(struct capture_reader *reader);

/** The file begins, with what is to be said about it, or NULL. There is room for it. */
void capture_reader_head(struct capture_reader *reader, const char *comment);
size_t capture_reader_room(const struct capture_reader *reader);
/** @len bytes that there is room for. */
void capture_reader_append(struct capture_reader *reader, const uint8_t *bytes, size_t len);

/** All its interfaces are described in the file; false: not yet, for want of room. */
bool capture_reader_describe(struct capture_reader *reader);

/** Implemented by capture_recorder.c: takes the oldest packet out of @recorder, which has one. */
void capture_recorder_evict(struct capture_reader *recorder);
/** Makes room for interfaces in place of ports that are gone: it forgets everything. */
void capture_recorder_begin_anew(struct capture_reader *recorder);
/** As recorder_arm() does. */
void capture_recorder_restart(struct capture_reader *recorder);
/** Who reads it has had all that there is. */
void capture_recorder_close(struct capture *capture);
/** What @recorder has is what @reader will get; 0 or -ENOMEM. */
int capture_recorder_open(struct capture_reader *recorder, struct capture_reader *reader);
/** Gets as much of it as there is room for. At the end, that is also the reader's. */
void capture_recorder_pump(struct capture_reader *reader);
/** What @reader has not got of it yet is lost to it, and it ends. */
void capture_recorder_leave(struct capture_reader *reader);

/** Implemented by recorder.c: the recorder has taken @sight. */
void recorder_note(struct capture *capture, const struct sight *sight);
/** All was taken that a turn has. */
void recorder_settle(struct capture *capture);
/** 0 or -errno. */
int recorder_init(struct capture *capture);
void recorder_fini(struct capture *capture);

/** Implemented by capture.c: a point for @port, and room for its sightings. 0 or -ENOMEM. */
int capture_point_take(struct capture *capture, struct port *port, uint32_t number,
                       uint32_t interface);
/** Nobody with that number looks at @port any more. */
void capture_point_leave(struct capture *capture, struct port *port, uint32_t number);
/** Implemented by capture.c: 0 or -errno; @ret_fd as for capture_reader_new(). */
int capture_make_reader(struct capture *capture, uint32_t number,
                        const struct capture_params *params, int *ret_fd);
/** Implemented by capture.c: forgets and frees @reader, number @number. */
void capture_drop(struct capture *capture, uint32_t number);

#endif
