/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "config_rows.h"
#include "ringspan/glob.h"
#include "ringspan/loopback.h"

#define FILE_NAME_MAX 255

/* C0, DEL, and C1 as UTF-8 has it: names and descriptions are shown on terminals. */
const char *config_complain_control(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
            return "contains a control character";
    }
    return NULL;
}

/* What dev_valid_name() and dev_alloc_name() of the kernel refuse. */
const char *config_complain_name(const char *text)
{
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return "is no name that an interface can have";
    if (strpbrk(text, " \t\n\v\f\r"))
        return "contains a blank, which an interface's name cannot";
    if (strchr(text, '\xa0'))
        return "contains the byte 0xA0 in UTF-8, which the kernel takes for a blank";
    if (strchr(text, '/'))
        return "contains '/', which an interface's name cannot";
    if (strchr(text, ':'))
        return "contains ':', which an interface's name cannot";
    if (strchr(text, '%'))
        return "contains '%', which an interface's name cannot";
    return config_complain_control(text);
}

const char *config_complain_port_name(const char *text)
{
    return strcmp(text, "lo") == 0 ? "is the loopback interface, which cannot be a port"
                                   : config_complain_name(text);
}

static const char *complain_pattern(const char *text, const char *of_a_name)
{
    const char *complaint;

    if (!glob_has_wildcard(text))
        return of_a_name;
    complaint = config_complain_name(text);
    if (!complaint)
        complaint = glob_complain(text);
    if (!complaint && glob_shortest(text) >= LIMIT_NAME_SIZE)
        return "matches nothing: an interface's name has at most 15 bytes";
    return complaint;
}

const char *config_complain_match(const char *text)
{
    return complain_pattern(
        text, "has no '*', '?' or '[' and is one name: write \"name\" instead of \"match\"");
}

const char *config_complain_source_match(const char *text)
{
    return complain_pattern(
        text, "has no '*', '?' or '[' and is one name: write \"port\" instead of \"match\"");
}

const char *config_complain_listen(const char *text)
{
    struct loopback where;

    return loopback_parse(text, &where);
}

uint32_t config_recorder_bytes(const char *memory)
{
    size_t digits = memory ? strspn(memory, "0123456789") : 0;

    if (digits == 0 || digits > 3 || memory[0] == '0' || strcmp(memory + digits, "MiB") != 0)
        return 0;
    return (uint32_t)strtoul(memory, NULL, 10) << 20;
}

const char *config_complain_recorder(const char *text)
{
    return config_recorder_bytes(text) > 0 ? NULL : "is no size from 1MiB to 999MiB";
}

const char *config_complain_socket(const char *text)
{
    if (text[0] != '/')
        return "is not an absolute path";
    if (text[strlen(text) - 1] == '/')
        return "names a directory; the socket needs a name in it";
    return config_complain_control(text);
}

const char *config_complain_netns(const char *text)
{
    if (text[0] == '/' && text[strlen(text) - 1] == '/')
        return "names a directory, and not the file of a network namespace";
    if (text[0] != '/' && strchr(text, '/'))
        return "is neither a name, as in 'ip netns', nor an absolute path";
    if (text[0] != '/' && strlen(text) > FILE_NAME_MAX)
        return "is longer than the 255 bytes that a name can have";
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return "is no name that a network namespace can have";
    return config_complain_control(text);
}

const char *config_complain_group(const char *text)
{
    if (strpbrk(text, ":,/ \t\n") || text[0] == '-')
        return "is no name that a group can have";
    return config_complain_control(text);
}

/* What useradd(8) takes is less; a number is fine. */
const char *config_complain_account(const char *text)
{
    if (strpbrk(text, ":,/ \t\n") || text[0] == '-')
        return "is no name that a user or a group can have";
    return config_complain_control(text);
}
