#!/usr/bin/python3
"""Frames of the serial line, written a second time: prints the golden bytes of tests/unit/test_frame.c.

The checksum is binascii.crc_hqx (polynomial 0x1021) started at 0xFFFF; COBS is written here after
Cheshire & Baker 1999 by splitting at the zeros."""
import binascii
import struct


def cobs(payload):
    out = b""
    for block in (payload + b"\0").split(b"\0")[:-1]:
        while len(block) >= 254:
            out += b"\xff" + block[:254]
            block = block[254:]
        out += bytes([len(block) + 1]) + block
    return out


def frame(kind, seq, body):
    payload = struct.pack("<BH", kind, seq) + body
    payload += struct.pack("<H", binascii.crc_hqx(payload, 0xFFFF))
    return b"\0" + cobs(payload) + b"\0"


if __name__ == "__main__":
    print("crc A      %04X" % binascii.crc_hqx(b"A", 0xFFFF))
    print("crc 1..9   %04X" % binascii.crc_hqx(b"123456789", 0xFFFF))
    # The table of https://en.wikipedia.org/wiki/Consistent_Overhead_Byte_Stuffing
    for raw, coded in (("00", "0101"), ("0000", "010101"), ("001100", "01021101"),
                       ("11220033", "0311220233"), ("11223344", "0511223344"),
                       ("11000000", "0211010101")):
        assert cobs(bytes.fromhex(raw)).hex() == coded, raw
    for body in ("", "00", "11000022"):
        print("%-10s %s" % (body, frame(0x03, 0x0100, bytes.fromhex(body)).hex(" ")))
    trial = struct.pack("<HIIhBBBHBH", 7, 41, 4000000000, -2500, 0, 1, 255, 350, 1, 3000)
    print("trial      %s" % frame(0x03, 42, trial).hex(" "))
