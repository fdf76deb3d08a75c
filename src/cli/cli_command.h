/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CLI_COMMAND_H
#define RINGSPAN_CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "ringspan/cli.h"
#include "ringspan/ctl_client.h"
#include "ringspan/json_writer.h"

/*
 * What the command-line tool's commands share: the options, the daemon, words on the command line.
 */

/* An option that is a command's own. */
struct cli_given {
    const char *word;
    const char *value; /* NULL: it takes none */
};

#define CLI_GIVEN_MAX 96

struct cli {
    bool json;
    bool pretty;
    bool statistics; /* -s */
    bool wants_help;
    const char *socket;  /* -S */
    const char *state;   /* --for */
    const char *timeout; /* --timeout */
    const char *confirm; /* --confirm */
    const char *format;  /* --format */
    bool hosts;          /* --hosts */
    const char *batch;   /* --batch */
    struct cli_given given[CLI_GIVEN_MAX];
    uint32_t n_given;
};

struct cli_verb {
    const char *name;
    const char *help;         /* usage and an example */
    void (*print_more)(void); /* what help ends with; or NULL */
    /* @argv holds the words after the verb. Returns an enum cli_exit. */
    int (*run)(const struct cli *cli, int argc, char **argv);
};

struct cli_command {
    const char *name;
    const char *summary;   /* one line in `ringspan help` */
    const char *help;      /* usage and an example */
    bool takes_waiting;    /* --for and --timeout */
    bool takes_confirm;    /* --confirm */
    bool takes_statistics; /* -s */
    bool takes_graph;      /* --format and --hosts */
    bool takes_batch;      /* --batch */
    /* Those of its own: "--port", …; ends with NULL. NULL: none. */
    const char *const *options;
    /* What else than `show` the object can do, each with a usage line in `help`; ends with an empty
     * one. NULL: nothing. */
    const struct cli_verb *verbs;
    /* @argv holds the words after the command's name, of which the first is no verb. Returns an
     * enum cli_exit. */
    int (*run)(const struct cli *cli, int argc, char **argv);
};

extern const struct cli_command cli_bridge, cli_port, cli_fdb, cli_vlan, cli_mirror, cli_ledger,
    cli_wait, cli_monitor, cli_metrics, cli_graph, cli_doctor, cli_top, cli_explain, cli_capture,
    cli_recorder, cli_check, cli_plan, cli_reload, cli_apply, cli_confirm, cli_config, cli_schema,
    cli_version;

extern const struct cli_verb cli_port_verbs[], cli_fdb_verbs[], cli_vlan_verbs[];

/** Prints the answer of a reload: the steps, or the report of what is not valid. Returns an enum
 * cli_exit. */
int cli_print_applied(const struct cli *cli, struct json_slice result);
/** Prints the steps of a plan, as a table or as -j asks for. CLI_OK or CLI_REFUSED, reported. */
int cli_print_steps(const struct cli *cli, struct json_slice steps);

/** What `port show -s` prints of the answer to port.show. CLI_OK or CLI_REFUSED, reported. */
int cli_print_reserved(struct json_slice ports);

/** What `bridge show -s` prints of the answer to bridge.show. CLI_OK or CLI_REFUSED, reported. */
int cli_print_latency(struct json_slice bridges);

/** Whether @word is @name, or an abbreviation of it. */
bool cli_matches(const char *word, const char *name);
/** Prints "ringspan: …" to standard error; returns @exit. */
int cli_fail(int exit, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define CLI_TIMEOUT_NS UINT64_C(10000000000) /* for the daemon to say something */

/**
 * Connects, calls, warns if the daemon is of another version. CLI_OK and a result in @ret_reply
 * (release it); anything else has been reported, and is the exit status.
 */
int cli_call(const struct cli *cli, const char *method, const char *params, uint64_t timeout_ns,
             struct ctl_reply *ret_reply);

/** The same with a descriptor, which stays the caller's; -1: none. */
int cli_call_with_fd(const struct cli *cli, const char *method, const char *params, int fd,
                     uint64_t timeout_ns, struct ctl_reply *ret_reply);
/** As cli_call(), and the connection stays: close it. */
int cli_begin(const struct cli *cli, const char *method, const char *params, uint64_t timeout_ns,
              struct ctl_client **ret_client, struct ctl_reply *ret_reply);

/**
 * Waits until somebody serves the socket, for @timeout_ns at most; tells how long it took. CLI_OK
 * also if nobody does in time: the call that follows says so.
 */
int cli_await_daemon(const struct cli *cli, uint64_t timeout_ns, uint64_t *ret_waited_ns);

/** Calls a method that answers with steps, which -j prints. @params is complete but for its NUL. */
int cli_change(const struct cli *cli, const char *method, struct byte_queue *params);

/** Prints JSON as -j or -p ask for. */
void cli_print_json(const struct cli *cli, struct json_slice value);
/** The same of a list that has nothing but @value. */
void cli_print_json_row(const struct cli *cli, struct json_slice value);

/* A word on the command line that takes a value, and the parameter that it becomes. */
struct cli_keyword {
    const char *word;
    const char *param;
    bool is_number;
};

/* What narrows a list of ports; ends with an empty one. */
extern const struct cli_keyword cli_port_filters[];
/* What narrows a list of addresses; ends with an empty one. */
extern const struct cli_keyword cli_fdb_filters[];

/** Blocks SIGINT and SIGTERM, and ignores SIGPIPE: a descriptor that tells of the first two, or
 * -1. */
int cli_open_signals(void);
/** Waits until @fd takes PIPE_BUF bytes, or says why not. 0; -EINTR: one of @signals (-1: none)
 * came meanwhile, and whoever reads @fd may never do; -ETIMEDOUT; or -errno. */
int cli_await_room(int fd, int signals, int timeout_ms);

/**
 * Turns "[show] [bridge B] [port P] …" into a JSON object of parameters, in @out. A word that is no
 * keyword is the value of @bare (NULL: there is none). CLI_OK or CLI_USAGE, reported.
 */
int cli_parse_filters(int argc, char **argv, const struct cli_keyword *keywords, const char *bare,
                      struct byte_queue *out);
/** Calls @method with these parameters; as cli_call(). */
int cli_query(const struct cli *cli, const char *method, const struct cli_keyword *keywords,
              const char *bare, int argc, char **argv, struct ctl_reply *ret_reply);

#endif
