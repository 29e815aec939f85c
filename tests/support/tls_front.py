"""Takes TLS connections on a loopback port and passes them to a plain one on the same host.

tls_front.py TARGET_PORT PORT CERT KEY [CLIENT_CA]   (with CLIENT_CA: clients need a certificate)
"""
import socket
import ssl
import sys
import threading


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        sink.close()


def serve(context, raw, target):
    try:
        client = context.wrap_socket(raw, server_side=True)
    except OSError:
        raw.close()
        return
    server = socket.create_connection(("127.0.0.1", target))
    threading.Thread(target=pump, args=(server, client), daemon=True).start()
    pump(client, server)


target, port, cert, key = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(cert, key)
if len(sys.argv) > 5:
    tls.load_verify_locations(sys.argv[5])
    tls.verify_mode = ssl.CERT_REQUIRED
listener = socket.create_server(("127.0.0.1", port))
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(tls, connection, target), daemon=True).start()
