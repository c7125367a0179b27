import MusicFSSystem

/// What a listening socket asks of those who connect.
final class Gate: Sendable {
    enum Rule: Sendable {
        /// A Unix socket: the owner, root, and members of the group.
        case peer(owner: UInt32, group: UInt32?)
        /// Loopback TCP, which every user of the machine can reach: who knows the token.
        case bearer(BearerToken)
    }

    struct Refusal {
        var error: ControlError
        var headers: [(String, String)] = []
    }

    let service: Service
    private let rule: Rule

    init(_ service: Service, _ rule: Rule) {
        self.service = service
        self.rule = rule
    }

    /// Why a request is not answered; nil when it is.
    ///
    /// - Parameter header: gives the request's header of that name.
    func refusal(socket: CInt, header: (String) -> String?) -> Refusal? {
        switch rule {
        case .peer(let owner, let group): Self.refusal(socket: socket, owner: owner, group: group)
        case .bearer(let token): Self.refusal(token: token, header: header)
        }
    }

    /// Asked of the socket at each request: the mode bits of its file are right only until somebody changes them, and a
    /// descriptor can be handed on.
    private static func refusal(socket: CInt, owner: UInt32, group: UInt32?) -> Refusal? {
        do throws(SystemError) {
            let peer = try PeerCredentials.of(socket)
            if peer.user == owner || peer.user == 0 { return nil }
            if let group, peer.isMember(of: group) { return nil }
            return Refusal(
                error: ControlError(
                    .notPermitted, "the control socket is not for the user with the number \(peer.user)",
                    remedy: "ask as the daemon's user or root, or as a member of the group that control.group names"))
        } catch {
            return Refusal(
                error: ControlError(
                    .notPermitted, "the kernel does not say who asks", remedy: "try again", cause: error))
        }
    }

    /// The name of the host is looked at first: a web page can make a browser ask at this address under a name of the
    /// page's own choice, and is told nothing at all.
    private static func refusal(token: BearerToken, header: (String) -> String?) -> Refusal? {
        guard let host = header("Host"), LoopbackAddress.isLoopback(host: Self.withoutPort(host)) else {
            return Refusal(
                error: ControlError(
                    .notPermitted, "the Host header does not name the loopback interface",
                    remedy: "ask at localhost, 127.0.0.1 or [::1]"))
        }
        let given = header("Authorization").flatMap(Self.bearer)
        if let given, token.matches(given) { return nil }
        let reason = given == nil ? "" : ", error=\"invalid_token\""
        return Refusal(
            error: ControlError(
                .unauthorized, given == nil ? "a token is needed here" : "the token is not the right one",
                remedy: "send the header 'Authorization: Bearer TOKEN' with the text of control.token_file"),
            headers: [("WWW-Authenticate", "Bearer realm=\"musicfs\"\(reason)")])
    }

    private static func withoutPort(_ host: String) -> String {
        guard let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") else { return host }
        return String(host[..<colon])
    }

    /// The token of an Authorization header (RFC 6750, section 2.1); nil for another scheme. The scheme's case is free.
    private static func bearer(_ value: String) -> [UInt8]? {
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return Array(parts[1].drop { $0 == " " }.utf8)
    }
}
