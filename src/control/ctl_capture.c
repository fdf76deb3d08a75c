/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl_show.h"
#include "ringspan/capture.h"

/* capture.start: the frames themselves go by a descriptor that is passed with the answer. */

/* ---- what is asked for ---- */

static bool take_bool(const struct json_object *params, const char *key, bool *ret,
                      struct ctl_fault *ret_fault)
{
    struct json_object *value = NULL;

    if (!params || !json_object_object_get_ex(params, key, &value))
        return true;
    if (!json_object_is_type(value, json_type_boolean)) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "%s: neither true nor false", key);
        return false;
    }
    *ret = json_object_get_boolean(value);
    return true;
}

struct taking {
    const struct daemon *daemon;
    struct capture_params *params;
};

/* Calls @take with each string of the array @key, if there is one. */
static bool take_words(struct taking *taking, const struct json_object *params, const char *key,
                       bool (*take)(struct taking *taking, const char *word,
                                    struct ctl_fault *ret_fault),
                       struct ctl_fault *ret_fault)
{
    struct json_object *list = NULL;

    if (!params || !json_object_object_get_ex(params, key, &list))
        return true;
    for (size_t i = 0;
         json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
        struct json_object *word = json_object_array_get_idx(list, i);

        if (!json_object_is_type(word, json_type_string))
            break;
        if (!take(taking, json_object_get_string(word), ret_fault))
            return false;
        if (i + 1 == json_object_array_length(list))
            return true;
    }
    ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "%s: not an array of strings, or an empty one",
                  key);
    return false;
}

static bool take_port(struct taking *taking, const char *name, struct ctl_fault *ret_fault)
{
    struct capture_params *params = taking->params;
    struct bridge *bridge;

    if (!ctl_find_port(taking->daemon, name, &bridge)) {
        ctl_fault_set(ret_fault, CTL_REFUSED, "there is no port named '%.64s'", name);
        return false;
    }
    if (*params->bridge && strcmp(bridge_name(bridge), params->bridge) != 0) {
        ctl_fault_set(ret_fault, CTL_REFUSED, "port '%s' belongs to bridge '%s', not to '%s'", name,
                      bridge_name(bridge), params->bridge);
        return false;
    }
    if (params->n_ports == LIMIT_CAPTURE_PORTS) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "ports: more than %d", LIMIT_CAPTURE_PORTS);
        return false;
    }
    snprintf(params->ports[params->n_ports++], LIMIT_NAME_SIZE, "%s", name);
    return true;
}

static bool take_reason(struct taking *taking, const char *name, struct ctl_fault *ret_fault)
{
    for (unsigned i = DROP_NONE + 1; i < DROP_N_REASONS; i++) {
        if (strcmp(name, drop_reason_name((enum drop_reason)i)) != 0)
            continue;
        taking->params->reasons |= UINT64_C(1) << i;
        return true;
    }
    ctl_fault_set(ret_fault, CTL_INVALID_PARAMS,
                  "reasons: '%.64s' is no reason (`ringspan ledger` prints those that occurred)",
                  name);
    return false;
}

static bool take_numbers(const struct json_object *params, struct capture_params *ret,
                         struct ctl_fault *ret_fault)
{
    int64_t buffer = LIMIT_CAPTURE_BUFFER_DEFAULT;
    int64_t snaplen = 0;
    int64_t count = 0;

    if (!ctl_params_integer(params, "count", 1, INT64_MAX, &count, ret_fault) ||
        !ctl_params_integer(params, "snaplen", 1, LIMIT_SUPERFRAME_SIZE, &snaplen, ret_fault) ||
        !ctl_params_integer(params, "buffer", LIMIT_CAPTURE_BUFFER_MIN, LIMIT_CAPTURE_BUFFER_MAX,
                            &buffer, ret_fault))
        return false;
    ret->count = (uint64_t)count;
    ret->snaplen = (uint32_t)snaplen;
    ret->buffer = (uint32_t)buffer;
    return true;
}

static bool take_filter(const struct json_object *params, struct bpf_code *ret,
                        struct ctl_fault *ret_fault)
{
    const char *text = NULL;

    if (!ctl_params_string(params, "filter", &text, ret_fault))
        return false;
    if (!text || bpf_parse(text, ret))
        return true;
    ctl_fault_set(ret_fault, CTL_INVALID_PARAMS,
                  "filter: not a BPF program of at most %d instructions, like '1,6 0 0 262144'",
                  LIMIT_CAPTURE_FILTER);
    return false;
}

static bool selects(const struct capture_params *params)
{
    return *params->bridge || params->n_ports > 0 || params->reasons || params->filter.n > 0 ||
           params->segments || params->count > 0 || params->snaplen > 0;
}

static bool take_params(const struct daemon *daemon, const struct json_object *params,
                        struct capture_params *ret, struct ctl_fault *ret_fault)
{
    static const char *const known[] = {"bridge",  "ports",  "recorder", "drops_only",
                                        "reasons", "filter", "segment",  "count",
                                        "snaplen", "buffer", "wait",     NULL};
    struct taking taking = {daemon, ret};
    const char *bridge = NULL;
    bool drops_only = false;

    if (!ctl_params_known(params, known, ret_fault) ||
        !ctl_params_string(params, "bridge", &bridge, ret_fault))
        return false;
    if (bridge && !daemon_bridge_by_name(daemon, bridge)) {
        ctl_fault_set(ret_fault, CTL_REFUSED, "there is no bridge named '%.64s'", bridge);
        return false;
    }
    snprintf(ret->bridge, sizeof(ret->bridge), "%s", bridge ? bridge : "");
    if (!take_words(&taking, params, "ports", take_port, ret_fault) ||
        !take_words(&taking, params, "reasons", take_reason, ret_fault) ||
        !take_bool(params, "drops_only", &drops_only, ret_fault) ||
        !take_bool(params, "segment", &ret->segments, ret_fault) ||
        !take_bool(params, "recorder", &ret->recorded, ret_fault) ||
        !take_bool(params, "wait", &ret->waits, ret_fault) ||
        !take_filter(params, &ret->filter, ret_fault))
        return false;
    if (drops_only && ret->reasons == 0)
        ret->reasons = CAPTURE_DROPS;
    if (!take_numbers(params, ret, ret_fault))
        return false;
    if (ret->recorded ? !selects(ret) : !ret->waits)
        return true;
    ctl_fault_set(ret_fault, CTL_INVALID_PARAMS,
                  ret->recorded ? "recorder: all of what it has, or nothing: filter the file"
                                : "wait: for the recorder alone");
    return false;
}

/* ---- the method ---- */

static void answer(struct ctl_call *call, const struct capture_params *params)
{
    struct json_writer *writer = ctl_call_open(call);

    json_open_object(writer, NULL);
    json_put_string(writer, "format", "pcapng");
    json_put_u64(writer, "buffer", params->buffer);
    json_close_object(writer);
    ctl_call_close(call);
}

void ctl_fault_no_recorder(struct ctl_fault *ret_fault)
{
    ctl_fault_set(ret_fault, CTL_REFUSED,
                  "there is no recorder (daemon.recorder in the configuration makes one)");
}

static void fail_to_start(struct ctl_fault *fault, int r)
{
    if (r == -ENOENT)
        ctl_fault_no_recorder(fault);
    else if (r == -EUSERS)
        ctl_fault_set(fault, CTL_REFUSED, "there are %d captures already", LIMIT_CAPTURES);
    else
        ctl_fault_set(fault, CTL_INTERNAL_ERROR, "%s", strerror(-r));
}

void ctl_capture_start(struct ctl_call *call, const struct json_object *params, void *context)
{
    const struct ctl_commands *commands = context;
    struct capture_params wish = {0};
    struct ctl_fault fault;
    int fd;
    int r;

    if (!take_params(commands->daemon, params, &wish, &fault))
        goto refuse;
    r = daemon_start_capture(commands->daemon, &wish, &fd);
    if (r < 0) {
        fail_to_start(&fault, r);
        goto refuse;
    }
    if (!ctl_call_give_fd(call, fd)) {
        close(fd); /* which ends it */
        ctl_fault_set(&fault, CTL_REFUSED, "take the descriptor that was passed before, first");
        goto refuse;
    }
    answer(call, &wish);
    return;
refuse:
    ctl_call_fault(call, &fault);
}
