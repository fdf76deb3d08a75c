/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "../../src/cli/capture_text.h"
#include "../../src/cli/frame_text.h"
#include "fuzz.h"

/*
 * Any bytes are a frame that has half a line of text, and blocks of a capture that have lines:
 * nothing of it is an order to a terminal, and an object of JSON is one line.
 */

static void check_line(const char *line, size_t len, bool may_break)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];

        fuzz_require(c >= ' ' ? c != 0x7f : may_break && (c == '\n' || c == '\t'));
    }
}

static void check_frame(const uint8_t *data, size_t size)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    fuzz_require(out);
    frame_text_write(out, data, (uint32_t)size);
    fclose(out);
    fuzz_require(len > 0);
    check_line(text, len, false);
    free(text);
}

/* The tool looks at whole blocks only: of a length that is there, and at least the shortest. */
static void check_blocks(const uint8_t *data, size_t size, bool is_json)
{
    struct capture_text capture = {.is_json = is_json, .shows_bytes = true};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    fuzz_require(out);
    for (size_t at = 0; at + 12 <= size;) {
        uint32_t length;
        uint8_t *block;

        memcpy(&length, data + at + 4, sizeof(length));
        if (length < 12 || length > size - at)
            break;
        block = malloc(length);
        fuzz_require(block);
        memcpy(block, data + at, length);
        fuzz_require(capture_text_write(&capture, out, block, length));
        free(block);
        at += length;
    }
    fclose(out);
    check_line(text, len, true);
    capture_text_fini(&capture);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_frame(data, size);
    check_blocks(data, size, false);
    check_blocks(data, size, true);
    return 0;
}
