/* SPDX-License-Identifier: ISC */
#include "ringspan/ctl_protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ringspan/json_scan.h"

/* A request is an envelope around flat parameters. */
#define REQUEST_DEPTH 8
#define REQUEST_NODES 1024

void ctl_fault_set(struct ctl_fault *fault, enum ctl_code code, const char *format, ...)
{
    va_list args;

    fault->code = code;
    va_start(args, format);
    vsnprintf(fault->message, sizeof(fault->message), format, args);
    va_end(args);
}

static int refuse(struct ctl_fault *ret_fault, const char *message)
{
    ctl_fault_set(ret_fault, CTL_INVALID_REQUEST, "%s", message);
    return -EINVAL;
}

static int check_nodes(const struct json_scan *scan, struct ctl_fault *ret_fault)
{
    if (scan->n_nodes > REQUEST_NODES) {
        ctl_fault_set(ret_fault, CTL_INVALID_REQUEST, "more than %d values", REQUEST_NODES);
        return -EINVAL;
    }
    for (uint32_t i = 0; i < scan->n_nodes; i++) {
        const struct json_node *node = &scan->nodes[i];

        if (node->earlier != JSON_NONE)
            ctl_fault_set(ret_fault, CTL_INVALID_REQUEST, "a key twice in one object (at byte %u)",
                          node->key + 1);
        else if (node->kind == JSON_BIG_INTEGER)
            ctl_fault_set(ret_fault, CTL_INVALID_REQUEST, "a number beyond 64 bits (at byte %u)",
                          node->start + 1);
        else
            continue;
        return -EINVAL;
    }
    return 0;
}

/* json-c takes much that is not JSON, and a tree of it costs hundreds of times the text. */
static int check_text(const char *text, size_t len, struct ctl_fault *ret_fault)
{
    struct json_scan scan;
    struct json_error error;
    int r;

    r = json_scan(text, len, &scan, &error);
    if (r == -EINVAL)
        ctl_fault_set(ret_fault, CTL_PARSE_ERROR, "not JSON: %s (at byte %zu)", error.message,
                      error.offset + 1);
    else if (r < 0)
        ctl_fault_set(ret_fault, CTL_INTERNAL_ERROR, "%s", strerror(-r));
    if (r < 0)
        return -EINVAL;
    r = check_nodes(&scan, ret_fault);
    json_scan_fini(&scan);
    return r;
}

static int parse_tree(const char *text, size_t len, struct json_object **ret_tree,
                      struct ctl_fault *ret_fault)
{
    struct json_tokener *tokener;
    struct json_object *tree;
    int r;

    r = check_text(text, len, ret_fault);
    if (r < 0)
        return r;
    tokener = json_tokener_new_ex(REQUEST_DEPTH);
    if (!tokener) {
        ctl_fault_set(ret_fault, CTL_INTERNAL_ERROR, "%s", strerror(ENOMEM));
        return -EINVAL;
    }
    tree = json_tokener_parse_ex(tokener, text, (int)len);
    if (!tree) {
        ctl_fault_set(ret_fault, CTL_INVALID_REQUEST, "a request is an object: %s",
                      json_tokener_error_desc(json_tokener_get_error(tokener)));
        r = -EINVAL;
    }
    json_tokener_free(tokener);
    *ret_tree = tree;
    return r;
}

static int take_id(struct ctl_request *request, struct ctl_fault *ret_fault)
{
    struct json_object *id;

    if (!json_object_object_get_ex(request->tree, "id", &id))
        return refuse(ret_fault, "'id' is missing: every request is answered");
    if (id && !json_object_is_type(id, json_type_int) && !json_object_is_type(id, json_type_string))
        return refuse(ret_fault, "'id' is neither an integer, a string nor null");
    if (json_object_is_type(id, json_type_string) &&
        json_object_get_string_len(id) > CTL_ID_STRING_MAX)
        return refuse(ret_fault, "'id' is longer than 64 bytes");
    request->id = id;
    return 0;
}

static int take_version(struct ctl_request *request, struct ctl_fault *ret_fault)
{
    struct json_object *version;

    if (!json_object_object_get_ex(request->tree, "jsonrpc", &version) ||
        !json_object_is_type(version, json_type_string) ||
        strcmp(json_object_get_string(version), "2.0") != 0)
        return refuse(ret_fault, "'jsonrpc' is not \"2.0\"");
    return 0;
}

static int take_method(struct ctl_request *request, struct ctl_fault *ret_fault)
{
    struct json_object *method;

    if (!json_object_object_get_ex(request->tree, "method", &method) ||
        !json_object_is_type(method, json_type_string))
        return refuse(ret_fault, "'method' is missing or no string");
    request->method = json_object_get_string(method);
    return 0;
}

static int take_params(struct ctl_request *request, struct ctl_fault *ret_fault)
{
    struct json_object *params;

    if (!json_object_object_get_ex(request->tree, "params", &params))
        return 0;
    if (!json_object_is_type(params, json_type_object))
        return refuse(ret_fault, "'params' is not an object");
    request->params = params;
    return 0;
}

static bool is_among(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

/* The first key of @object that is not among @known; NULL if there is none. */
static const char *find_unknown(const struct json_object *object, const char *const *known)
{
    /* Reads only, but takes no const. */
    struct json_object *tree = (struct json_object *)object;
    struct json_object_iterator i = json_object_iter_begin(tree);
    struct json_object_iterator end = json_object_iter_end(tree);

    for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
        if (!is_among(json_object_iter_peek_name(&i), known))
            return json_object_iter_peek_name(&i);
    }
    return NULL;
}

static int take_nothing_else(struct ctl_request *request, struct ctl_fault *ret_fault)
{
    static const char *const known[] = {"jsonrpc", "id", "method", "params", NULL};
    const char *unknown = find_unknown(request->tree, known);

    if (!unknown)
        return 0;
    ctl_fault_set(ret_fault, CTL_INVALID_REQUEST, "unknown member '%.64s'", unknown);
    return -EINVAL;
}

int ctl_request_parse(const char *text, size_t len, struct ctl_request *ret_request,
                      struct ctl_fault *ret_fault)
{
    static int (*const steps[])(struct ctl_request *, struct ctl_fault *) = {
        take_id, take_version, take_method, take_params, take_nothing_else,
    };
    int r;

    *ret_request = (struct ctl_request){0};
    r = parse_tree(text, len, &ret_request->tree, ret_fault);
    if (r < 0)
        return r;
    if (json_object_is_type(ret_request->tree, json_type_array))
        return refuse(ret_fault, "batches are not supported: send one request per line");
    if (!json_object_is_type(ret_request->tree, json_type_object))
        return refuse(ret_fault, "a request is an object");
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        r = steps[i](ret_request, ret_fault);
        if (r < 0)
            return r;
    }
    return 0;
}

void ctl_request_fini(struct ctl_request *request)
{
    json_object_put(request->tree);
    *request = (struct ctl_request){0};
}

static void open_envelope(struct json_writer *writer, struct json_object *id)
{
    json_open_object(writer, NULL);
    json_put_string(writer, "jsonrpc", "2.0");
    if (!id)
        json_put_null(writer, "id");
    else if (json_object_is_type(id, json_type_string))
        json_put_string(writer, "id", json_object_get_string(id));
    else {
        const char *number = json_object_to_json_string(id);

        json_put_raw(writer, "id", number, strlen(number));
    }
}

void ctl_answer_open(struct json_writer *writer, struct json_object *id)
{
    open_envelope(writer, id);
    json_put_key(writer, "result");
}

void ctl_answer_close(struct json_writer *writer)
{
    json_close_object(writer);
    byte_queue_append(writer->out, "\n", 1);
    writer->needs_comma = false;
}

void ctl_answer_fault(struct json_writer *writer, struct json_object *id,
                      const struct ctl_fault *fault)
{
    char code[16];

    snprintf(code, sizeof(code), "%d", (int)fault->code);
    open_envelope(writer, id);
    json_open_object(writer, "error");
    json_put_raw(writer, "code", code, strlen(code));
    json_put_string(writer, "message", fault->message);
    json_close_object(writer);
    ctl_answer_close(writer);
}

bool ctl_params_known(const struct json_object *params, const char *const *known,
                      struct ctl_fault *ret_fault)
{
    const char *unknown = params ? find_unknown(params, known) : NULL;

    if (!unknown)
        return true;
    ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "unknown parameter '%.64s'", unknown);
    return false;
}

bool ctl_params_string(const struct json_object *params, const char *key, const char **ret,
                       struct ctl_fault *ret_fault)
{
    struct json_object *value;

    if (!params || !json_object_object_get_ex(params, key, &value))
        return true;
    if (!json_object_is_type(value, json_type_string)) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "%s: not a string", key);
        return false;
    }
    *ret = json_object_get_string(value);
    return true;
}

bool ctl_params_integer(const struct json_object *params, const char *key, int64_t min, int64_t max,
                        int64_t *ret, struct ctl_fault *ret_fault)
{
    struct json_object *value;

    if (!params || !json_object_object_get_ex(params, key, &value))
        return true;
    if (!json_object_is_type(value, json_type_int)) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "%s: not an integer", key);
        return false;
    }
    if (json_object_get_int64(value) < min || json_object_get_int64(value) > max) {
        ctl_fault_set(ret_fault, CTL_INVALID_PARAMS, "%s: not within %" PRId64 "..%" PRId64, key,
                      min, max);
        return false;
    }
    *ret = json_object_get_int64(value);
    return true;
}
