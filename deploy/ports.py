"""The ports of the parts. Whoever starts a part listens for it and hands the socket on.

So nobody else can be taken for the part, nor take its port while it is started again: who calls meanwhile waits.
"""

import os
import socket

from models.common.errors import RefusedError

ANY = 0
LOOPBACK = "127.0.0.1"


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A socket that listens there. Raises RefusedError, which names the setting, where that cannot be."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        number = error.errno or 0  # below zero it is the resolver's, who looks up names
        raise RefusedError(
            "nobody can listen on {host}:{port}: {why}; end what does, or set {setting} to another port",
            host=host,
            port=port,
            why=os.strerror(number) if number > 0 else error.strerror,
            setting=setting,
        ) from error


def listen_somewhere(host: str, port: int, setting: str) -> socket.socket:
    """The same, on any port that is free where another program has this one."""
    try:
        return listen(host, port, setting)
    except RefusedError:
        return listen(host, ANY, setting)


def port_of(door: socket.socket) -> int:
    """Where it listens."""
    return int(door.getsockname()[1])


def handed_on(number: int) -> socket.socket:
    """The socket that whoever started this process listens with for it."""
    door = socket.socket(fileno=number)
    door.set_inheritable(False)
    return door
