#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""`ringspan top` on a terminal: what it draws fits, keys do what they say, and the end leaves nothing."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from lab import DEADLINE, eventually, main, ringspan_only

OK, USAGE, UNREACHABLE = 0, 1, 3
N_MANY = 1500
HOME, BELOW = "\033[H", "\033[J"  # before a picture, and behind it
MARK = b"\x01"
TOKEN = re.compile(r"\033\[(\??)([0-9;]*)([A-Za-z])|\r|\n|[^\033\r\n]")


class Screen:
    """As much of a terminal as top may use. Anything else, and a cell beyond its edge, is an error."""

    def __init__(self, columns, rows):
        self.modes = {"1049": False, "25": True, "7": True}
        self.resize(columns, rows)

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]
        self.x = self.y = 0
        self.has_color = False

    def feed(self, text):
        at = 0
        for match in TOKEN.finditer(text):
            assert match.start() == at, repr(text[at:at + 20])
            at = match.end()
            self.take(match)
        assert at == len(text), repr(text[at:])

    def take(self, match):
        if match[3]:
            self.control(match[1], match[2], match[3])
        elif match[0] == "\r":
            self.x = 0
        elif match[0] == "\n":
            self.y += 1
            assert self.y < self.rows, "it scrolls"
        else:
            assert match[0] >= " ", repr(match[0])
            assert self.x < self.columns, "column {} of {}".format(self.x + 1, self.columns)
            self.cells[self.y][self.x] = match[0]
            self.x += 1

    def control(self, private, numbers, final):
        if private:
            assert numbers in self.modes and final in "hl", (numbers, final)
            self.modes[numbers] = final == "h"
        elif final == "H" and not numbers:
            self.x = self.y = 0
        elif final == "K" and not numbers:
            self.cells[self.y][self.x:] = [" "] * (self.columns - self.x)
        elif final == "J" and not numbers:
            self.cells[self.y][self.x:] = [" "] * (self.columns - self.x)
            for y in range(self.y + 1, self.rows):
                self.cells[y] = [" "] * self.columns
        else:
            assert final == "m", (numbers, final)
            self.has_color = True

    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]

    def is_as_before(self):
        return self.modes == {"1049": False, "25": True, "7": True}


class Top:
    """A running `ringspan top` and its terminal."""

    def __init__(self, lab, columns=80, rows=24, **environment):
        self.master, self.slave = pty.openpty()
        self.screen = Screen(columns, rows)
        self.rest = b""
        self.old, self.is_resized = "", False
        self.set_size(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        env = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment}
        self.process = subprocess.Popen(
            [lab.switch.client, "-S", lab.switch.socket, "top"], stdin=self.slave, stdout=self.slave,
            stderr=subprocess.PIPE, env=env, start_new_session=True)

    def set_size(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, timeout=0.05):
        if not select.select([self.master], [], [], timeout)[0]:
            return False
        self.take(os.read(self.master, 1 << 16))
        return True

    def read_all(self):
        """What was written by now, of which some may still be on its way through the terminal: up to
        a mark that we write ourselves. Nobody else writes meanwhile."""
        os.write(self.slave, MARK)
        data = b""
        while not data.endswith(MARK):
            assert select.select([self.master], [], [], DEADLINE)[0], "no mark in the terminal"
            data += os.read(self.master, 1 << 16)
        self.take(data[:-len(MARK)])

    def take(self, data):
        data = self.rest + data
        # Not in the middle of a character or of a sequence.
        end = len(data)
        match = re.search(rb"(\033[^A-Za-z]*|\xe2[\x80-\xbf]?)\Z", data)
        if match:
            end = match.start()
        self.rest = data[end:]
        text = data[:end].decode()
        self.screen.feed(self.without_old_pictures(text) if self.is_resized else text)

    def resize(self, columns, rows):
        self.set_size(columns, rows)
        self.screen.resize(columns, rows)
        self.is_resized = True
        self.process.send_signal(signal.SIGWINCH)

    def without_old_pictures(self, text):
        """Not what it drew before it knew how large its terminal is. A picture has all rows of it."""
        self.old += text
        while BELOW in self.old:
            _, home, picture = self.old.partition(BELOW)[0].rpartition(HOME)
            if home and picture.count("\n") == self.screen.rows - 1:
                text, self.old, self.is_resized = self.old[self.old.index(HOME):], "", False
                return text
            self.old = self.old.partition(BELOW)[2]
        return ""

    def until(self, condition, what):
        deadline = time.monotonic() + DEADLINE
        while not condition(self.screen.lines()):
            assert time.monotonic() < deadline, "{}: {}".format(what, "\n".join(self.screen.lines()))
            self.read()

    def has(self, text):
        self.until(lambda lines: any(text in line for line in lines), text)

    def press(self, keys):
        os.write(self.master, keys.encode())

    def end(self):
        """Its status, when the terminal is as it was."""
        def is_over():
            while self.read(0):
                pass
            return self.process.poll() is not None
        eventually(is_over, "top ends")
        self.read_all()
        assert not self.rest
        assert self.screen.is_as_before(), self.screen.modes
        assert termios.tcgetattr(self.slave) == self.before, "the terminal's settings are others"
        os.close(self.master)
        os.close(self.slave)
        return self.process.returncode, self.process.stderr.read().decode()


@ringspan_only
def test_screen(lab):
    """80x24 exactly, rates of what is sent, and keys."""
    a, b = lab.start_with_hosts(2)
    lab.teach(a, b)
    top = Top(lab)
    top.has("ringspan: 2 ports, 2 forwarding, sorted by rate")
    top.has("q: quit")
    lines = top.screen.lines()
    assert lines[2].startswith("PORT") and lines[23].startswith("s: sort"), lines
    assert top.screen.modes == {"1049": True, "25": False, "7": False}
    assert top.screen.has_color
    frames = [a.frame(b, b"x" * 1000)] * 50

    def is_busy(lines):
        a.wire.send(*frames)
        row = next((line for line in lines if line.startswith(a.port + " ")), "")
        return re.search(r"forwarding +[1-9]\S* +[1-9]\S*[kM] ", row) and re.search("[▁-█]", row)
    top.until(is_busy, "rates and a line of blocks")
    for order in ("drops", "name", "state", "rate"):
        top.press("s")
        top.has("sorted by " + order)
    top.press("s")
    top.press("s")
    top.has("sorted by name")
    top.press("\033[B")
    top.press("\r")
    top.has("port {} of lab0: forwarding".format(b.port))
    top.has("accepted")
    top.has("enter: back")
    top.press("k")
    top.has("port {} of lab0: forwarding".format(a.port))
    top.has("received")
    top.press("\033")
    top.has("s: sort")
    top.press("x\0\xff\033[99~")
    top.press("q")
    assert top.end() == (OK, "")


@ringspan_only
def test_many_ports(lab):
    """More than a thousand ports with names as long as can be, 80x24: each can be got at."""
    a, b = lab.add_hosts(2)
    names = ["n" * 11 + "%04d" % number for number in range(N_MANY)]
    lab.switch.write_bridges({"name": "b" * 15, "ports": [{"name": name} for name in (a.port, b.port, *names)]})
    lab.switch.launch(wait=False)
    lab.switch.wait(a.port, b.port)
    top = Top(lab)
    top.has("ringspan: {} ports, 2 forwarding".format(N_MANY + 2))
    top.press("ss")
    top.has("sorted by name")
    def shows(name):
        return lambda lines: any(line.startswith(name + " ") for line in lines)
    top.until(shows(names[0]), "the first by name")
    top.press("\033[6~" * 3)
    top.until(lambda lines: not shows(names[0])(lines), "another page")
    top.press("\033[6~" * (N_MANY // 10))
    top.until(lambda lines: shows(a.port)(lines) and shows(names[-1])(lines), "the last page")
    top.press("k" * 2 + "\r")
    top.has("port {} of {}: waiting".format(names[-1], "b" * 15))
    top.has("no interface named " + names[-1])
    top.press("\033")
    top.has("s: sort")
    top.press("\033[5~" * (N_MANY // 10))
    top.until(shows(names[0]), "the first page")
    top.press("q")
    assert top.end() == (OK, "")
    table = lab.switch.call("top", "--batch", "1").stdout.rstrip("\n").splitlines()
    assert len(table) == N_MANY + 3
    assert {line.split()[0] for line in table[1:]} == {a.port, b.port, *names}


@ringspan_only
def test_sizes(lab):
    """It follows a resize, and draws on what hardly is a screen."""
    lab.start_with_hosts(3)
    top = Top(lab)
    top.has("q: quit")
    for columns, rows in ((40, 10), (132, 50), (20, 5), (5, 2), (80, 24)):
        top.resize(columns, rows)
        top.until(lambda lines: lines[-1].startswith("s: s"[:columns]), "drawn at {}x{}".format(columns, rows))
    top.press("q")
    assert top.end() == (OK, "")


@ringspan_only
def test_ends(lab):
    """Whatever ends it, the terminal is as it was."""
    lab.start_with_hosts(1)
    for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        top = Top(lab)
        top.has("q: quit")
        top.process.send_signal(signo)
        assert top.end() == (OK, ""), signo
    top = Top(lab, NO_COLOR="1")
    top.has("q: quit")
    assert not top.screen.has_color
    # Stopped and continued as by a shell: in between the terminal is the shell's.
    top.process.send_signal(signal.SIGTSTP)
    def is_stopped():
        while top.read(0):
            pass
        with open("/proc/%d/stat" % top.process.pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"
    eventually(is_stopped, "it stops")
    top.read_all()
    assert top.screen.is_as_before()
    assert termios.tcgetattr(top.slave) == top.before
    top.process.send_signal(signal.SIGCONT)
    top.until(lambda lines: top.screen.modes["1049"], "it goes on")
    lab.switch.stop()
    status, errors = top.end()
    assert status == UNREACHABLE and "does not answer any more" in errors, (status, errors)


def has_no_room(top):
    return not select.select([], [top.slave], [], 0)[1]


@ringspan_only
def test_ends_when_the_terminal_is_frozen(lab):
    """By ^S, which the end takes back: or nobody would get his screen again."""
    lab.start_with_hosts(1)
    for end in (lambda top: top.process.terminate(), lambda top: top.press("q")):
        top = Top(lab)
        top.has("q: quit")
        top.press("\x13")
        eventually(lambda: has_no_room(top), "it is frozen")
        top.press("s")  # and there is something to draw
        end(top)
        top.process.wait(DEADLINE)
        assert top.end() == (OK, "")


@ringspan_only
def test_goes_on_when_the_terminal_is_thawed(lab):
    lab.start_with_hosts(1)
    top = Top(lab)
    top.has("sorted by rate")
    top.press("\x13")
    eventually(lambda: has_no_room(top), "it is frozen")
    top.press("s")
    top.press("\x11")
    top.has("sorted by drops")
    top.press("q")
    assert top.end() == (OK, "")


@ringspan_only
def test_ends_when_nobody_reads(lab):
    """There may be half a picture in the terminal, but its settings are as they were."""
    lab.start_with_hosts(1)
    for signo in (signal.SIGTERM, signal.SIGINT):
        top = Top(lab, rows=200)

        def is_full():
            top.press("s")
            return has_no_room(top)
        eventually(is_full, "the terminal is full")
        top.process.send_signal(signo)
        top.process.wait(DEADLINE)
        assert termios.tcgetattr(top.slave) == top.before
        assert (top.process.returncode, top.process.stderr.read()) == (OK, b"")
        os.close(top.master)
        os.close(top.slave)


@ringspan_only
def test_ends_when_nobody_reads_its_tables(lab):
    """A pipe that is full."""
    lab.switch.start(["w%d" % number for number in range(N_MANY)], wait=False)
    for signo in (signal.SIGTERM, signal.SIGINT):
        reader, writer = os.pipe()
        process = subprocess.Popen([lab.switch.client, "-S", lab.switch.socket, "top", "--batch", "9"],
                                   stdout=writer, stderr=subprocess.PIPE)
        eventually(lambda: not select.select([], [writer], [], 0)[1], "the pipe is full")
        process.send_signal(signo)
        assert process.wait(DEADLINE) == OK
        assert process.stderr.read() == b""
        os.close(reader)
        os.close(writer)


@ringspan_only
def test_without_a_terminal(lab):
    lab.start_with_hosts(2)
    done = lab.switch.call("top", "--batch", "2")
    assert done.returncode == OK, done.stderr
    tables = done.stdout.rstrip("\n").split("\n\n")
    assert len(tables) == 2 and "\033" not in done.stdout, done.stdout
    for table in tables:
        lines = table.splitlines()
        assert len(lines) == 3 and lines[0].startswith("PORT"), table
    for words in ((), ("--batch", "0"), ("--batch", "x"), ("--batch", "-1"), ("nonsense",),
                  ("-j", "--batch", "1")):
        done = lab.switch.call("top", *words)
        assert done.returncode == USAGE and done.stderr and not done.stdout, (words, done)
    assert lab.switch.call("port", "--batch", "1").returncode == USAGE
    # Who reads it goes away.
    reader = subprocess.Popen([lab.switch.client, "-S", lab.switch.socket, "top", "--batch", "100"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    reader.stdout.readline()
    reader.stdout.close()
    eventually(lambda: reader.poll() is not None, "it ends")
    dumb = Top(lab, TERM="dumb")
    status, errors = dumb.end()
    assert status == USAGE and "--batch" in errors, errors


if __name__ == "__main__":
    main()
