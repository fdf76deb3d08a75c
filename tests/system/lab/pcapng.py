# SPDX-License-Identifier: ISC
"""A strict reader of pcapng files: what it accepts is as the format's specification says."""

import collections
import struct

SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6
MAGIC = 0x1A2B3C4D
ETHERNET = 1
IN, OUT = 1, 2

# Name and how to read it; those that may occur once only are all but comments.
TEXT, U8, U32, U64, TIME, RAW = "text", "u8", "u32", "u64", "time", "raw"
OPTIONS = {
    SECTION: {1: ("comment", TEXT), 2: ("hardware", TEXT), 3: ("os", TEXT), 4: ("program", TEXT)},
    INTERFACE: {1: ("comment", TEXT), 2: ("name", TEXT), 3: ("description", TEXT),
                8: ("speed", U64), 9: ("resolution", U8)},
    STATISTICS: {1: ("comment", TEXT), 2: ("start", TIME), 3: ("end", TIME), 4: ("received", U64),
                 5: ("dropped", U64), 6: ("accepted", U64), 7: ("lost", U64),
                 8: ("delivered", U64)},
    PACKET: {1: ("comment", TEXT), 2: ("flags", U32), 4: ("lost", U64), 5: ("id", U64),
             7: ("verdict", RAW)},
}
SIZES = {U8: 1, U32: 4, U64: 8, TIME: 8}

Packet = collections.namedtuple("Packet", "port direction time raw length id lost verdict comment")


class Malformed(Exception):
    pass


def demand(condition, what):
    if not condition:
        raise Malformed(what)


def _value(kind, raw):
    if kind == TEXT:
        demand(b"\0" not in raw, "a NUL in a text")
        return raw.decode("utf-8")
    if kind == RAW:
        return raw
    demand(len(raw) == SIZES[kind], "an option of {} bytes".format(len(raw)))
    if kind == TIME:
        high, low = struct.unpack("=II", raw)
        return high << 32 | low
    return int.from_bytes(raw, "little")


def _options(block, raw):
    """{name: value} of a block's options, which fill `raw`."""
    known = OPTIONS[block]
    found = {}
    while raw:
        demand(len(raw) >= 4, "an option is cut")
        code, length = struct.unpack_from("=HH", raw)
        padded = -(-length // 4) * 4
        if code == 0:
            demand(length == 0 and len(raw) == 4, "more behind the end of the options")
            return found
        demand(code in known, "unknown option {} of block {}".format(code, block))
        demand(4 + padded <= len(raw), "an option is longer than its block")
        demand(not any(raw[4 + length:4 + padded]), "padding that is not zero")
        name, kind = known[code]
        demand(name not in found, "{} twice".format(name))
        found[name] = _value(kind, raw[4:4 + length])
        raw = raw[4 + padded:]
    demand(not found, "options without an end")
    return found


class Capture:
    """One section: `interfaces`, `packets` and `statistics` by port, as they stand in the file."""

    def __init__(self, raw):
        self.program = None
        self.interfaces, self.packets, self.statistics = [], [], {}
        readers = {SECTION: self._section, INTERFACE: self._interface, PACKET: self._packet,
                   STATISTICS: self._statistics}
        while raw:
            demand(len(raw) >= 12, "a block is cut")
            block, length = struct.unpack_from("=II", raw)
            demand(length % 4 == 0 and 12 <= length <= len(raw), "a block of {} bytes".format(length))
            demand(raw[length - 4:length] == raw[4:8], "the two lengths differ")
            demand(block in readers, "unknown block {:#x}".format(block))
            demand((self.program is None) == (block == SECTION), "one section header, and first")
            readers[block](raw[8:length - 4])
            raw = raw[length:]
        demand(self.program is not None, "no section header")

    def _section(self, body):
        magic, major, minor, length = struct.unpack_from("=IHHq", body)
        demand((magic, major, minor, length) == (MAGIC, 1, 0, -1), "a strange section header")
        options = _options(SECTION, body[16:])
        self.program, self.comment = options["program"], options.get("comment")

    def _interface(self, body):
        link, reserved, snaplen = struct.unpack_from("=HHI", body)
        demand(link == ETHERNET and reserved == 0, "a strange interface")
        options = _options(INTERFACE, body[8:])
        demand(options.get("resolution") == 9, "not in nanoseconds")
        self.interfaces.append(dict(options, snaplen=snaplen))

    def _packet(self, body):
        interface, high, low, captured, length = struct.unpack_from("=IIIII", body)
        demand(interface < len(self.interfaces), "a packet before its interface")
        demand(captured <= length, "more captured than there was")
        demand(captured <= self.interfaces[interface]["snaplen"], "more than snaplen")
        padded = -(-captured // 4) * 4
        demand(20 + padded <= len(body), "a packet is longer than its block")
        demand(not any(body[20 + captured:20 + padded]), "padding that is not zero")
        options = _options(PACKET, body[20 + padded:])
        demand(options["flags"] in (IN, OUT), "strange flags")
        demand(options["verdict"][:1] == b"\0", "a strange verdict")
        self.packets.append(Packet(
            self.interfaces[interface]["name"], options["flags"], high << 32 | low,
            body[20:20 + captured], length, options["id"], options.get("lost", 0),
            options["verdict"][1:].decode(), options["comment"]))

    def _statistics(self, body):
        interface, high, low = struct.unpack_from("=III", body)
        demand(interface < len(self.interfaces), "statistics before their interface")
        name = self.interfaces[interface]["name"]
        demand(name not in self.statistics, "statistics of {} twice".format(name))
        options = _options(STATISTICS, body[12:])
        demand(options["start"] <= high << 32 | low, "it ended before it began")
        self.statistics[name] = options

    def of(self, port, direction):
        return [packet for packet in self.packets
                if packet.port == port and packet.direction == direction]


def read(path):
    with open(path, "rb") as file:
        capture = Capture(file.read())
    capture.path = path
    return capture
