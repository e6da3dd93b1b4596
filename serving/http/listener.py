"""The socket that takes new connections, and how it comes to take no more without cutting anybody off."""

from __future__ import annotations

import ctypes
import select
import struct
import sys
from collections.abc import Sequence
from socket import SOL_SOCKET, socket
from typing import Final

_ATTACH_FILTER: Final = 26
"""Linux' SO_ATTACH_FILTER, which Python does not name."""
_FLAGS, _SYN = 13, 0x02
"""Where TCP's header has its flags, and the one of a packet that opens a connection."""
_INSTRUCTIONS: Final = (
    (0x30, 0, 0, _FLAGS),  # load the byte of flags
    (0x54, 0, 0, _SYN),  # keep one
    (0x15, 1, 0, _SYN),  # is it set?
    (0x06, 0, 0, 0xFFFFFFFF),  # no: the packet is taken
    (0x06, 0, 0, 0),  # yes: it is dropped
)
"""A classic BPF program; linux/Documentation/networking/filter.rst."""


def take_no_more(listeners: Sequence[socket]) -> None:
    """From here on no connection is opened; those whose opening is under way come to be accepted. Closing the sockets instead would reset
    the latter. A client that knocks meanwhile tries again after a second, and is refused once the sockets are closed. Only Linux has this;
    elsewhere nothing happens."""
    if not sys.platform.startswith("linux"):
        return
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _INSTRUCTIONS)
    held = ctypes.create_string_buffer(program, len(program))
    for listener in listeners:
        listener.setsockopt(SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", len(_INSTRUCTIONS), ctypes.addressof(held)))


def knocked(listeners: Sequence[socket]) -> bool:
    """Whether a connection waits to be accepted."""
    waiting = select.poll()  # `select.select` refuses a file number beyond 1023, which a busy server has
    for listener in listeners:
        waiting.register(listener, select.POLLIN)
    return bool(waiting.poll(0))
