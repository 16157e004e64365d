"""What the engine starts as `pulumi-resource-X`: asks the server for a port, prints it, and lives until either ends it.

Only the standard library, so that it starts in no time. The environment names the socket, the world, and, where
Kubernetes is not a file, the function that makes its provider (`package.module:function`).
"""

import os
import socket
import sys

package, address = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "-"
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(os.environ["SIMULATED_PROVIDERS_SOCKET"])
    kubernetes = os.environ.get("SIMULATED_KUBERNETES", "-")
    connection.sendall(f"{package} {os.environ['SIMULATED_WORLD']} {os.getppid()} {address} {kubernetes}\n".encode())
    print(connection.recv(64).decode().strip(), flush=True)
    connection.recv(1)
