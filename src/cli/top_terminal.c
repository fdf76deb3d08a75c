/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "cli_command.h"
#include "top.h"

/* The other screen, no cursor, and no wrapping at the right margin; and all of that undone. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define HOME  "\033[H"
#define BELOW "\033[J"
#define RIGHT "\033[K"

/* What the last of the output may take to be taken. */
#define LAST_WORDS_MS 250

static struct {
    bool is_open;
    struct termios before;
    int signals;            /* a descriptor; -1: none */
    int out;                /* one that makes nobody wait, if we may have one */
    struct byte_queue rest; /* of what was shown: not taken yet */
} terminal = {.signals = -1, .out = STDOUT_FILENO, .rest.max_len = SIZE_MAX};

/* A terminal may be frozen (^S), or nobody may read what is behind it: that must not make us deaf.
 * Our own descriptor, because O_NONBLOCK on the one that we were given would be the shell's, too.
 * Somebody else's terminal (su) cannot be opened. */
static void open_output(void)
{
    int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0)
        terminal.out = fd;
}

/* As much as is taken at once. False if nothing ever will be. */
static bool flush(void)
{
    while (terminal.rest.len > 0) {
        ssize_t n = write(terminal.out, byte_queue_data(&terminal.rest), terminal.rest.len);

        if (n < 0 && errno == EAGAIN)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            byte_queue_consume(&terminal.rest, (size_t)n);
    }
    return true;
}

static bool put(const char *text, size_t len)
{
    return byte_queue_append(&terminal.rest, text, len) && flush();
}

/* Without waiting for output that may never be taken. What was typed is forgotten. */
static int set_terminal(const struct termios *settings)
{
    if (tcsetattr(STDIN_FILENO, TCSANOW, settings) < 0)
        return -errno;
    (void)tcflush(STDIN_FILENO, TCIFLUSH);
    return 0;
}

static struct termios raw_terminal(void)
{
    struct termios raw = terminal.before;

    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    return raw;
}

static int make_raw(void)
{
    const struct termios raw = raw_terminal();
    int r = set_terminal(&raw);

    if (r == 0 && !put(ENTER, strlen(ENTER)))
        r = -EIO;
    return r;
}

/* Output goes on for whoever froze it: it does where ^S means nothing. */
static void thaw(void)
{
    struct termios raw = raw_terminal();

    raw.c_iflag &= ~(tcflag_t)IXON;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void top_terminal_close(void)
{
    if (!terminal.is_open)
        return;
    terminal.is_open = false;
    thaw();
    if (put(LEAVE, strlen(LEAVE))) {
        while (terminal.rest.len > 0 && cli_await_room(terminal.out, -1, LAST_WORDS_MS) == 0 &&
               flush())
            ;
    }
    byte_queue_fini(&terminal.rest);
    (void)set_terminal(&terminal.before);
}

int top_terminal_open(void)
{
    int r;

    if (tcgetattr(STDIN_FILENO, &terminal.before) < 0)
        return -errno;
    r = top_signals_block();
    if (r < 0)
        return r;
    open_output();
    atexit(top_terminal_close);
    terminal.is_open = true;
    r = make_raw();
    if (r < 0)
        top_terminal_close();
    return r;
}

bool top_terminal_is_screen(void)
{
    const char *term = getenv("TERM");

    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term &&
           strcmp(term, "dumb") != 0;
}

/* What no-color.org asks for. */
static bool wants_color(void)
{
    const char *no_color = getenv("NO_COLOR");

    return !no_color || !*no_color;
}

static bool speaks_utf8(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        const char *value = getenv(variables[i]);

        if (value && *value)
            return strcasestr(value, "UTF-8") || strcasestr(value, "UTF8");
    }
    return false;
}

struct top_look top_terminal_look(void)
{
    struct winsize size = {0};
    struct top_look look = {
        .columns = 80, .rows = 24, .has_color = wants_color(), .has_utf8 = speaks_utf8()};

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        look.columns = size.ws_col;
        look.rows = size.ws_row;
    }
    return look;
}

/* Line by line over what is there, and in one piece, so that nothing flickers. */
bool top_terminal_show(const struct byte_queue *screen)
{
    const char *text = byte_queue_data(screen);
    struct byte_queue *out = &terminal.rest;

    if (out->len > 0) /* the terminal is behind: this picture is left out */
        return flush();
    byte_queue_append(out, HOME, strlen(HOME));
    for (size_t at = 0; at < screen->len;) {
        const char *end = memchr(text + at, '\n', screen->len - at);
        size_t len = end ? (size_t)(end - text) - at : screen->len - at;

        byte_queue_append(out, text + at, len);
        byte_queue_append(out, RIGHT, strlen(RIGHT));
        if (end)
            byte_queue_append(out, "\r\n", 2);
        at += len + (end != NULL);
    }
    byte_queue_append(out, BELOW, strlen(BELOW));
    return !out->overflowed && flush();
}

/* ---- keys and signals ---- */

int top_signals_block(void)
{
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT};
    sigset_t set;

    if (terminal.signals >= 0)
        return 0;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
        sigaddset(&set, wanted[i]);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    terminal.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return terminal.signals < 0 ? -errno : 0;
}

/* The shell gets its terminal as it was, and we get ours when it lets us go on. */
static void stop_for_a_while(void)
{
    bool was_open = terminal.is_open;

    top_terminal_close();
    raise(SIGSTOP);
    if (was_open) {
        terminal.is_open = true;
        (void)make_raw();
    }
}

static enum top_key take_signal(void)
{
    struct signalfd_siginfo info;

    if (read(terminal.signals, &info, sizeof(info)) != sizeof(info))
        return TOP_KEY_OTHER;
    switch (info.ssi_signo) {
    case SIGTSTP:
        stop_for_a_while();
        return TOP_KEY_RESIZE;
    case SIGWINCH:
    case SIGCONT:
        return TOP_KEY_RESIZE;
    default:
        return TOP_KEY_QUIT;
    }
}

static const struct {
    const char *bytes;
    enum top_key key;
} sequences[] = {
    {"q", TOP_KEY_QUIT},
    {"Q", TOP_KEY_QUIT},
    {"s", TOP_KEY_SORT},
    {"\r", TOP_KEY_ENTER},
    {"\n", TOP_KEY_ENTER},
    {"\033[A", TOP_KEY_UP},
    {"\033OA", TOP_KEY_UP},
    {"k", TOP_KEY_UP},
    {"\033[B", TOP_KEY_DOWN},
    {"\033OB", TOP_KEY_DOWN},
    {"j", TOP_KEY_DOWN},
    {"\033[5~", TOP_KEY_PAGE_UP},
    {"\033[6~", TOP_KEY_PAGE_DOWN},
    {"\033", TOP_KEY_ESCAPE},
};

/* What was typed and is not obeyed yet. */
static struct {
    char bytes[64];
    size_t len;
} typed;

/* The length of the sequence that stands first; one that is cut off ends where it does. */
static size_t sequence_len(void)
{
    size_t len = 2;

    if (typed.len < 2 || typed.bytes[0] != '\033' ||
        (typed.bytes[1] != '[' && typed.bytes[1] != 'O'))
        return 1;
    while (len < typed.len && (typed.bytes[len] < '@' || typed.bytes[len] > '~'))
        len++;
    return len < typed.len ? len + 1 : len;
}

static enum top_key next_key(void)
{
    size_t len = sequence_len();
    enum top_key key = TOP_KEY_OTHER;

    for (size_t i = 0; i < sizeof(sequences) / sizeof(*sequences); i++) {
        if (strlen(sequences[i].bytes) == len && memcmp(typed.bytes, sequences[i].bytes, len) == 0)
            key = sequences[i].key;
    }
    typed.len -= len;
    memmove(typed.bytes, typed.bytes + len, typed.len);
    return key;
}

static enum top_key take_key(void)
{
    ssize_t n = read(STDIN_FILENO, typed.bytes, sizeof(typed.bytes));

    if (n <= 0)
        return TOP_KEY_QUIT; /* the terminal is gone */
    typed.len = (size_t)n;
    return next_key();
}

enum top_key top_terminal_wait(int timeout_ms)
{
    struct pollfd polls[] = {
        {.fd = terminal.signals, .events = POLLIN},
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = terminal.rest.len > 0 ? terminal.out : -1, .events = POLLOUT},
    };
    int n;

    if (typed.len > 0)
        return next_key();
    n = poll(polls, sizeof(polls) / sizeof(*polls), timeout_ms);
    if (n < 0)
        return errno == EINTR ? TOP_KEY_OTHER : TOP_KEY_QUIT;
    if (n == 0)
        return TOP_KEY_NONE;
    if (polls[0].revents)
        return take_signal();
    if (polls[1].revents)
        return take_key();
    return flush() ? TOP_KEY_RESIZE : TOP_KEY_QUIT;
}

bool top_signals_wait(int timeout_ms)
{
    struct pollfd signals = {.fd = terminal.signals, .events = POLLIN};

    return poll(&signals, 1, timeout_ms) <= 0 || take_signal() != TOP_KEY_QUIT;
}

bool top_signals_print(const char *text, size_t len)
{
    while (len > 0) {
        int r = cli_await_room(STDOUT_FILENO, terminal.signals, -1);
        ssize_t n = 0;

        if (r == -EINTR && take_signal() == TOP_KEY_QUIT)
            return false;
        if (r == 0)
            n = write(STDOUT_FILENO, text, len < PIPE_BUF ? len : PIPE_BUF);
        if ((r < 0 && r != -EINTR) || (n < 0 && errno != EINTR && errno != EAGAIN))
            return false;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return true;
}
