"""Who is connected to a port: the kernel's own tables, as text and of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from l9.drivers.process.connections import ESTABLISHED, LISTEN, parse, past_the_router, sockets

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
V4 = "   0: 0100007F:1F40 0100007F:9C4E 01 00000000:00000000 00:00000000 00000000   999        0 4711 1 0 20 4 0 -1\n"
MAPPED = "   1: 0000000000000000FFFF00000100007F:1F40 0000000000000000FFFF00000100007F:9C4E 0A 0:0 0:0 0  33  0 12 1\n"
V6 = "   2: 00000000000000000000000001000000:1F40 B80D0120000000000000000001000000:0050 06 0:0 0:0 0   0  0 13 1\n"


def test_a_table_is_read_as_the_kernel_writes_it() -> None:
    four, mapped, six = parse(HEAD + V4 + MAPPED + V6)
    assert four == ((b"\x7f\0\0\1", 8000), (b"\x7f\0\0\1", 40014), ESTABLISHED, 999, "4711")
    assert (mapped.local, mapped.remote, mapped.state) == (four.local, four.remote, LISTEN)
    assert six.local == (bytes(15) + b"\1", 8000)
    assert six.remote == (bytes.fromhex("20010db8") + bytes(11) + b"\1", 80)
    assert list(parse(HEAD)) == []


class Port:
    """A listening socket, and the server's ends of what was accepted from it."""

    def __init__(self, stack: ExitStack, family: socket.AddressFamily = socket.AF_INET) -> None:
        self._stack = stack
        dual = family == socket.AF_INET6
        self._listener = stack.enter_context(
            socket.create_server(("", 0), family=family, dualstack_ipv6=dual)
        )
        self.number: int = self._listener.getsockname()[1]

    def accept(self) -> socket.socket:
        return self._stack.enter_context(self._listener.accept()[0])


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def router(stack: ExitStack) -> Port:
    """This process is the router."""
    return Port(stack)


CLIENT = """
import socket, sys
link = socket.create_connection(('127.0.0.1', {}))
print(1, flush=True)
sys.stdin.read()
"""


def client(stack: ExitStack, port: int) -> None:
    """Another process connects to the port, and stays."""
    argv = (sys.executable, "-c", CLIENT.format(port))
    other = stack.enter_context(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    assert other.stdout is not None
    other.stdout.readline()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_connections_of_the_router_and_of_others(
    stack: ExitStack, router: Port, family: socket.AddressFamily
) -> None:
    slot = Port(stack, family)
    assert past_the_router(slot.number, router.number) == 0
    mine = stack.enter_context(socket.create_connection(("127.0.0.1", slot.number)))
    slot.accept()
    assert past_the_router(slot.number, router.number) == 0
    client(stack, slot.number)
    theirs = slot.accept()
    assert past_the_router(slot.number, router.number) == 1
    theirs.close()
    mine.close()
    assert past_the_router(slot.number, router.number) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can connect as another user")
def test_another_users_connection_is_not_the_routers(stack: ExitStack, router: Port) -> None:
    slot = Port(stack)
    os.seteuid(65534)
    try:
        stack.enter_context(socket.create_connection(("127.0.0.1", slot.number)))
    finally:
        os.seteuid(0)
    slot.accept()
    assert past_the_router(slot.number, router.number) == 1


def test_nothing_is_known_without_the_router(stack: ExitStack) -> None:
    gone, slot = Port(stack), Port(stack)
    gone._listener.close()
    assert past_the_router(slot.number, gone.number) is None


def test_a_container_on_the_machines_network_and_one_that_cannot_be_seen(
    stack: ExitStack, router: Port
) -> None:
    slot = Port(stack)
    client(stack, slot.number)
    slot.accept()
    assert past_the_router(slot.number, router.number, (os.getpid(), slot.number)) == 1
    assert past_the_router(slot.number, router.number, (2**22 + 1, slot.number)) is None


def test_there_are_sockets_here(router: Port) -> None:
    assert any(one.state == LISTEN and one.local[1] == router.number for one in sockets())
