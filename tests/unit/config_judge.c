/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ringspan/config.h"
#include "ringspan/json_writer.h"

/*
 * Says what is wrong with many configurations, one after the other: each is its length in a line
 * of its own and that many bytes; the answer is one line with the messages, a JSON array. For
 * config_schema.py: a process for each text would take most of its time.
 */

static void answer(const struct config_report *report)
{
    struct byte_queue out;
    struct json_writer writer;

    byte_queue_init(&out, SIZE_MAX);
    json_writer_init(&writer, &out);
    json_open_array(&writer, NULL);
    for (uint32_t i = 0; i < report->n_errors; i++)
        json_put_string(&writer, NULL, report->errors[i].message);
    json_close_array(&writer);
    printf("%.*s\n", (int)out.len, byte_queue_data(&out));
    fflush(stdout);
    byte_queue_fini(&out);
}

static int judge(const char *text, size_t len)
{
    struct config *config = NULL;
    struct config_report report;
    int r = config_parse("-", text, len, &config, &report);

    if (r == 0 || r == -EINVAL)
        answer(&report);
    config_report_fini(&report);
    config_free(config);
    return r == -EINVAL ? 0 : r;
}

/* False at the end, or if what comes is not one. */
static bool judge_next(void)
{
    size_t len;
    char *text;
    bool is_fine;

    if (scanf("%zu", &len) != 1 || getchar() != '\n')
        return false;
    text = malloc(len ? len : 1);
    if (!text)
        return false;
    is_fine = fread(text, 1, len, stdin) == len && judge(text, len) == 0;
    free(text);
    return is_fine;
}

int main(void)
{
    while (judge_next())
        ;
    return feof(stdin) ? EXIT_SUCCESS : EXIT_FAILURE;
}
