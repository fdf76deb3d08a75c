/* SPDX-License-Identifier: ISC */
#include "ringspan/ctl_client.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ringspan/byte_queue.h"
#include "ringspan/clock.h"

#define READ_CHUNK ((size_t)64 << 10)

struct ctl_client {
    int fd;
    struct byte_queue in; /* what came after the last answer */
    int passed_fd;        /* goes with the next request; -1: none does */
    int taken_fd;         /* came with an answer; -1: none did */
    size_t handed_out;    /* bytes at its front that the caller has seen */
};

static int connect_within(int fd, const char *path, uint64_t timeout_ns)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval timeout = {
        .tv_sec = (time_t)(timeout_ns / NS_PER_SEC),
        .tv_usec = (suseconds_t)(timeout_ns % NS_PER_SEC / 1000),
    };

    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    /* unix(7): a full backlog makes connect() wait for as long as a send may. */
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    return 0;
}

int ctl_client_open(const char *path, uint64_t timeout_ns, struct ctl_client **ret)
{
    struct ctl_client *client = calloc(1, sizeof(*client));
    int r;

    if (!client)
        return -ENOMEM;
    byte_queue_init(&client->in, SIZE_MAX);
    client->passed_fd = -1;
    client->taken_fd = -1;
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        r = -errno;
        goto fail;
    }
    r = connect_within(client->fd, path, timeout_ns);
    if (r < 0)
        goto fail;
    *ret = client;
    return 0;
fail:
    ctl_client_close(client);
    return r;
}

void ctl_client_close(struct ctl_client *client)
{
    if (!client)
        return;
    if (client->fd >= 0)
        close(client->fd);
    if (client->taken_fd >= 0)
        close(client->taken_fd);
    byte_queue_fini(&client->in);
    free(client);
}

void ctl_client_pass_fd(struct ctl_client *client, int fd)
{
    client->passed_fd = fd;
}

/* The descriptor goes with the first byte. */
static ssize_t send_some(struct ctl_client *client, const struct byte_queue *out)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {.iov_base = (void *)byte_queue_data(out), .iov_len = out->len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t n;

    if (client->passed_fd >= 0) {
        memcpy(CMSG_DATA(&control.header), &client->passed_fd, sizeof(client->passed_fd));
        message.msg_control = &control;
        message.msg_controllen = CMSG_LEN(sizeof(int));
    }
    n = sendmsg(client->fd, &message, MSG_NOSIGNAL);
    if (n >= 0)
        client->passed_fd = -1;
    return n;
}

/* A daemon that turns us away may have hung up already; its reason is waiting to be read. So
 * failing to send is not the end. */
static int send_request(struct ctl_client *client, const char *method, const char *params)
{
    struct byte_queue out;
    struct json_writer writer;
    int r = 0;

    byte_queue_init(&out, SIZE_MAX);
    json_writer_init(&writer, &out);
    json_open_object(&writer, NULL);
    json_put_string(&writer, "jsonrpc", "2.0");
    json_put_u64(&writer, "id", 1);
    json_put_string(&writer, "method", method);
    if (params)
        json_put_raw(&writer, "params", params, strlen(params));
    json_close_object(&writer);
    byte_queue_append(&out, "\n", 1);
    if (out.overflowed)
        r = -ENOMEM;
    while (r == 0 && out.len) {
        ssize_t n = send_some(client, &out);

        if (n >= 0)
            byte_queue_consume(&out, (size_t)n);
        else if (errno == EPIPE || errno == ECONNRESET)
            break;
        else if (errno == EPERM && client->passed_fd >= 0)
            client->passed_fd = -1; /* not for the likes of us: the daemon says why */
        else if (errno != EINTR)
            r = errno == EAGAIN ? -ETIMEDOUT : -errno;
    }
    byte_queue_fini(&out);
    return r;
}

static int wait_readable(int fd, uint64_t deadline)
{
    for (;;) {
        struct pollfd pollfd = {.fd = fd, .events = POLLIN};
        uint64_t now = clock_now();
        int n;

        if (now >= deadline)
            return -ETIMEDOUT;
        n = poll(&pollfd, 1, (int)((deadline - now) / NS_PER_MS) + 1);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
    }
}

static void take_fd(struct ctl_client *client, struct msghdr *message)
{
    const struct cmsghdr *control = CMSG_FIRSTHDR(message);

    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
        return;
    if (client->taken_fd >= 0)
        close(client->taken_fd);
    memcpy(&client->taken_fd, CMSG_DATA(control), sizeof(client->taken_fd));
}

static ssize_t receive(struct ctl_client *client, char *chunk, size_t size)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = chunk, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = CMSG_LEN(sizeof(int)),
    };
    ssize_t n = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC);

    if (n >= 0)
        take_fd(client, &message);
    return n;
}

int ctl_client_take_fd(struct ctl_client *client)
{
    int fd = client->taken_fd;

    client->taken_fd = -1;
    return fd;
}

/* Reads until there is a newline; *ret_len is how many bytes stand before it. */
static int read_line(struct ctl_client *client, uint64_t timeout_ns, size_t *ret_len)
{
    static char chunk[READ_CHUNK];
    size_t scanned = 0;

    for (;;) {
        const char *newline = NULL;
        ssize_t n;
        int r;

        if (client->in.len > scanned)
            newline =
                memchr(byte_queue_data(&client->in) + scanned, '\n', client->in.len - scanned);
        if (newline) {
            *ret_len = (size_t)(newline - byte_queue_data(&client->in));
            return 0;
        }
        scanned = client->in.len;
        r = wait_readable(client->fd, clock_now() + timeout_ns);
        if (r < 0)
            return r;
        n = receive(client, chunk, sizeof(chunk));
        if (n == 0)
            return -ECONNRESET;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0 && !byte_queue_append(&client->in, chunk, (size_t)n))
            return -ENOMEM;
    }
}

static int parse_fault(struct json_slice error, struct ctl_fault *ret_fault)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *tree = NULL;
    struct json_object *code;
    struct json_object *message;
    int r = -EPROTO;

    if (!tokener)
        return -ENOMEM;
    tree = json_tokener_parse_ex(tokener, error.text, (int)error.len);
    if (json_object_object_get_ex(tree, "code", &code) &&
        json_object_object_get_ex(tree, "message", &message)) {
        ctl_fault_set(ret_fault, (enum ctl_code)json_object_get_int(code), "%s",
                      json_object_get_string(message));
        r = 0;
    }
    json_object_put(tree);
    json_tokener_free(tokener);
    return r;
}

int ctl_client_call(struct ctl_client *client, const char *method, const char *params,
                    uint64_t timeout_ns, struct ctl_reply *ret_reply)
{
    struct ctl_reply reply = {0};
    struct json_slice answer;
    struct json_slice error;
    int r;

    r = send_request(client, method, params);
    if (r == 0)
        r = read_line(client, timeout_ns, &answer.len);
    if (r < 0)
        return r;
    reply.line = malloc(answer.len + 1);
    if (!reply.line)
        return -ENOMEM;
    memcpy(reply.line, byte_queue_data(&client->in), answer.len);
    byte_queue_consume(&client->in, answer.len + 1);
    answer.text = reply.line;
    if (json_text_member(answer, "error", &error)) {
        reply.is_fault = true;
        r = parse_fault(error, &reply.fault);
    } else if (!json_text_member(answer, "result", &reply.result)) {
        r = -EPROTO;
    }
    if (r < 0)
        ctl_reply_fini(&reply);
    else
        *ret_reply = reply;
    return r;
}

void ctl_reply_fini(struct ctl_reply *reply)
{
    free(reply->line);
    *reply = (struct ctl_reply){0};
}

int ctl_client_fd(const struct ctl_client *client)
{
    return client->fd;
}

/* NULL, or the end of the line after the one that was handed out. */
static const char *find_end(const struct ctl_client *client)
{
    size_t len = client->in.len - client->handed_out;

    if (len == 0)
        return NULL;
    return memchr(byte_queue_data(&client->in) + client->handed_out, '\n', len);
}

bool ctl_client_has_line(const struct ctl_client *client)
{
    return find_end(client) != NULL;
}

static int read_some(struct ctl_client *client)
{
    static char chunk[READ_CHUNK];
    ssize_t n = recv(client->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

    if (n == 0)
        return -ECONNRESET;
    if (n < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    return byte_queue_append(&client->in, chunk, (size_t)n) ? 0 : -ENOMEM;
}

int ctl_client_read(struct ctl_client *client, struct json_slice *ret_line)
{
    const char *end;
    int r = 0;

    byte_queue_consume(&client->in, client->handed_out);
    client->handed_out = 0;
    end = find_end(client);
    if (!end) {
        r = read_some(client);
        end = r == 0 ? find_end(client) : NULL;
    }
    if (!end)
        return r < 0 ? r : -EAGAIN;
    ret_line->text = byte_queue_data(&client->in);
    ret_line->len = (size_t)(end - ret_line->text);
    client->handed_out = ret_line->len + 1;
    return 0;
}
