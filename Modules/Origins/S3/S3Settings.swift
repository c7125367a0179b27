package import MusicFSSystem

/// What an S3 origin is configured with.
package struct S3Settings: Hashable, Sendable {
    package var bucket: String
    /// What all keys begin with; without a slash at its end it is a folder all the same.
    package var prefix: String
    package var region: String
    /// `https://host[:port]`; empty for Amazon's.
    package var endpoint: String
    package var usesPathStyle: Bool
    package var credentials: AmazonCredentials
    package var certificates: FilePath?

    /// - Parameter region: empty for what the environment says.
    package init(
        bucket: String, prefix: String, region: String, endpoint: String, usesPathStyle: Bool,
        credentials: AmazonCredentials, certificates: FilePath?,
        environment: [String: String] = ThisProcess.environment
    ) {
        self.bucket = bucket
        let trimmed = prefix.split(separator: "/").joined(separator: "/")
        self.prefix = trimmed.isEmpty ? "" : trimmed + "/"
        self.region = AmazonRegion.resolve(region, credentials, environment)
        self.endpoint = endpoint
        self.usesPathStyle = usesPathStyle
        self.credentials = credentials
        self.certificates = certificates
    }

    /// The bucket's address, without a slash at its end.
    var base: String {
        var endpoint = endpoint.isEmpty ? "https://s3.\(region).amazonaws.com" : endpoint
        while endpoint.hasSuffix("/") { endpoint.removeLast() }
        guard !usesPathStyle, let begin = endpoint.firstRange(of: "://")?.upperBound else {
            return "\(endpoint)/\(PercentCoding.encode(bucket.utf8))"
        }
        return "\(endpoint[..<begin])\(bucket).\(endpoint[begin...])"
    }
}
