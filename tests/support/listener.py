"""A part for tests: `python -m tests.support.listener SOCKET` answers each caller with the number of its process."""

import os
import sys

from deploy.ports import handed_on

if __name__ == "__main__":
    with handed_on(int(sys.argv[1])) as door:
        while True:
            caller, _ = door.accept()
            with caller:
                caller.sendall(str(os.getpid()).encode())
