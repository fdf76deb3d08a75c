/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CTL_PROTOCOL_H
#define RINGSPAN_CTL_PROTOCOL_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringspan/json_writer.h"

/*
 * Control protocol: JSON-RPC 2.0 over a stream, one object per line.
 *
 *   → {"jsonrpc":"2.0","id":1,"method":"port.show","params":{"bridge":"lab0"}}
 *   ← {"jsonrpc":"2.0","id":1,"result":[{"name":"r1",…}]}
 *   ← {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"bridge: no bridge named 'lab0'"}}
 *
 * Narrower than the standard where that keeps clients honest: a request has an id (an integer, a
 * string of up to 64 bytes, or null), `params` is an object or absent, and there are no batches:
 * pipelining lines does the same, and answers come in the order of the requests. An error that is
 * about no request in particular has the id null.
 */

enum ctl_code {
    CTL_PARSE_ERROR = -32700,
    CTL_INVALID_REQUEST = -32600,
    CTL_UNKNOWN_METHOD = -32601,
    CTL_INVALID_PARAMS = -32602,
    CTL_INTERNAL_ERROR = -32603,
    CTL_REFUSED = -32000,    /* understood, and not done: the sentence says why */
    CTL_PERMISSION = -32001, /* not for this peer */
    CTL_BUSY = -32002,       /* too many clients */
    CTL_TIMEOUT = -32003,    /* the request, or what it waited for, did not come in time */
};

#define CTL_ID_STRING_MAX 64
#define CTL_MESSAGE_SIZE  1024

/* Why a request is not answered with a result. */
struct ctl_fault {
    enum ctl_code code;
    char message[CTL_MESSAGE_SIZE];
};

void ctl_fault_set(struct ctl_fault *fault, enum ctl_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct ctl_request {
    struct json_object *tree; /* owns the rest */
    struct json_object *id;   /* NULL: null, or it could not be told */
    struct json_object *params;
    const char *method;
};

/**
 * Parses one line, without its newline. 0, or -EINVAL and a fault. @ret_request is filled in either
 * way, because a fault is reported with the id if there is one: release it with ctl_request_fini().
 */
int ctl_request_parse(const char *text, size_t len, struct ctl_request *ret_request,
                      struct ctl_fault *ret_fault);
void ctl_request_fini(struct ctl_request *request);

/** The beginning of an answer, up to where the value of `result` goes. @id may be NULL. */
void ctl_answer_open(struct json_writer *writer, struct json_object *id);
/** Its end, newline included. */
void ctl_answer_close(struct json_writer *writer);
/** A whole answer. */
void ctl_answer_fault(struct json_writer *writer, struct json_object *id,
                      const struct ctl_fault *fault);

/*
 * Parameters, checked: every key must be known, and each getter says in the fault what is wrong.
 * @params may be NULL everywhere: no parameters.
 */

/** @known ends with NULL. False, and a fault, if @params has a key that is not among them. */
bool ctl_params_known(const struct json_object *params, const char *const *known,
                      struct ctl_fault *ret_fault);
/** False, and a fault, if it is there and no string. *ret is untouched if it is absent. */
bool ctl_params_string(const struct json_object *params, const char *key, const char **ret,
                       struct ctl_fault *ret_fault);
/** False, and a fault, if it is there and no integer within the bounds. */
bool ctl_params_integer(const struct json_object *params, const char *key, int64_t min, int64_t max,
                        int64_t *ret, struct ctl_fault *ret_fault);

#endif
