import Foundation
package import MusicFSSystem

/// Speaks TLS on a port of its own for a server that does not, with a certificate that nobody knows.
package final class TLSFront: TestServer, @unchecked Sendable {
    /// Its certificate, which is its own authority.
    package let certificate: FilePath

    /// - Parameter target: the port that the decrypted bytes go to.
    package init(target: Int) throws {
        let directory = try TestDirectory()
        let home = directory.path
        certificate = home.appending("certificate.pem")
        let made = try runProgram([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", home.appending("key.pem").description, "-out",
            certificate.description,
        ])
        guard made.status == 0 else { throw ServerError("openssl made no certificate") }
        let port = try TCPProxy.freePort()
        try writeFileAtomically(home.appending("front.py"), Array(Self.program.utf8))
        let arguments = ["python3", home.appending("front.py").description, "\(port)", "\(target)", home.description]
        try super.init("/usr/bin/env", arguments, port: port, directory)
    }

    package var url: String { "https://127.0.0.1:\(port)" }

    private static let program = """
        import select, socket, ssl, sys, threading
        port, target, home = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(home + "/certificate.pem", home + "/key.pem")

        def serve(plain):
            try:
                with context.wrap_socket(plain, server_side=True) as client:
                    with socket.create_connection(("127.0.0.1", target)) as server:
                        relay(client, server)
            except OSError:
                pass

        # In one thread: a TLS connection must not be read and written at once.
        def relay(client, server):
            while True:
                ready = [client] if client.pending() else select.select([client, server], [], [])[0]
                for source in ready:
                    data = source.recv(65536)
                    if not data:
                        return
                    (server if source is client else client).sendall(data)

        listener = socket.create_server(("127.0.0.1", port))
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        """
}
