import Foundation
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSOrigins

/// Where keys come from, and what of them goes over the wire.
@Suite struct CredentialTests {
    private let directory: TestDirectory
    private var home: FilePath { directory.path }

    init() throws { directory = try TestDirectory() }

    private func write(_ name: String, _ text: String, mode: UInt32 = 0o600) throws -> FilePath {
        let file = home.appending(name)
        try createDirectories(file.parent)
        try writeFileAtomically(file, bytes(text), mode: mode)
        return file
    }

    private func file(token: Bool = false, mode: UInt32 = 0o600) throws -> AmazonCredentials {
        let session = token ? "session_token = \"\(TestSecret.token)\"\n" : ""
        let text = "access_key_id = \"KEYID\"\nsecret_access_key = \"\(TestSecret.key)\"\n\(session)"
        return .file(try write("s3.toml", text, mode: mode))
    }

    // MARK: On the wire

    @Test func requestsAreSignedWithoutShowingTheKey() throws {
        let bucket = try ScriptedBucket(["a b+%é&=/1.mp3": [1, 2, 3]])
        let origin = try bucket.origin(file())
        let found = try origin.walk()
        let stamp = try #require(found["a b+%é&=/1.mp3"])
        #expect(try origin.part(of: "a b+%é&=/1.mp3", stamp, 1..<3) == [2, 3])
        _ = try origin.status(bytes("a b+%é&=/1.mp3"), deadline: deadline())
        #expect(bucket.server.requests.count == 4)
        for request in bucket.server.requests {
            #expect(request.headers["x-amz-content-sha256"] != nil)
            let authorization = try #require(request.headers["authorization"])
            #expect(authorization.hasPrefix("AWS4-HMAC-SHA256 Credential=KEYID/"))
            #expect(authorization.contains("/eu-south-2/s3/aws4_request"))
            let isConditional = request.headers["if-match"] != nil
            let signed = "SignedHeaders=host;\(isConditional ? "if-match;" : "")x-amz-content-sha256;x-amz-date,"
            #expect(authorization.contains(signed))
            #expect(request.headers["x-amz-security-token"] == nil)
            #expect(!"\(request)".contains(TestSecret.key))
            // As it is signed: in order, and encoded as the signature wants it.
            let parameters = request.query.split(separator: "&").map(String.init)
            #expect(parameters == parameters.sorted())
            let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%")
            #expect(parameters.allSatisfy { $0.split(separator: "=").allSatisfy { $0.allSatisfy(allowed.contains) } })
            #expect(request.path.allSatisfy { allowed.contains($0) || $0 == "/" })
        }
        #expect(bucket.server.requests[1].query.contains("prefix=a%20b%2B%25%C3%A9%26%3D%2F"))
        bucket.recorder.expectNoSecrets()
    }

    @Test func aSessionTokenIsSentAndSigned() throws {
        let bucket = try ScriptedBucket()
        let origin = try bucket.origin(file(token: true))
        let stamp = ScriptedBucket.stamp(ScriptedBucket.content)
        _ = try origin.listing()
        _ = try origin.part(of: "a.mp3", stamp, 0..<10)
        for request in bucket.server.requests {
            #expect(request.headers["x-amz-security-token"] == TestSecret.token)
            #expect(request.headers["authorization"]?.contains(";x-amz-security-token") == true)
        }
        // It expires; the next one is read without a restart.
        bucket.meddle { request in
            request.headers["x-amz-security-token"] == nil ? nil : ScriptedBucket.error(403, "ExpiredToken")
        }
        let expired = failure { _ = try origin.part(of: "a.mp3", stamp, 0..<10) }
        #expect(expired?.code == .permission && expired?.message.contains("session token") == true)
        _ = try file(token: false)
        _ = try origin.part(of: "a.mp3", stamp, 0..<10)
        bucket.recorder.expectNoSecrets()
    }

    @Test func anonymousRequestsCarryNothing() throws {
        let bucket = try ScriptedBucket()
        let origin = try bucket.origin(.anonymous)
        _ = try origin.walk()
        _ = try origin.part(of: "a.mp3", ScriptedBucket.stamp(ScriptedBucket.content), 0..<10)
        #expect(bucket.server.requests.count == 2)
        for request in bucket.server.requests {
            #expect(!request.headers.keys.contains { $0.hasPrefix("x-amz") || $0 == "authorization" })
        }
    }

    // MARK: Where they are

    @Test(arguments: [UInt32(0o644), 0o640, 0o604])
    func filesThatOthersCanReadAreRefused(_ mode: UInt32) throws {
        let bucket = try ScriptedBucket()
        let origin = try bucket.origin(file(mode: mode))
        let refused = failure { try origin.check(deadline: deadline()) }
        #expect(refused?.code == .permission && refused?.message.contains("chmod 600") == true)
        #expect(bucket.server.requests.isEmpty)
    }

    @Test func whatIsWrongWithAFileIsSaidWithoutItsText() throws {
        for text in [
            "", "access_key_id = \"\(TestSecret.key)\"", "\(TestSecret.key)",
            "secret_access_key = [\"\(TestSecret.key)\"]",
        ] {
            let credentials = AmazonCredentials.file(try write("bad.toml", text))
            #expect(code { _ = try credentials.keys(environment: [:]) } == .permission)
        }
        #expect(code { _ = try AmazonCredentials.file("/none/there").keys(environment: [:]) } == .permission)
        let broken = AmazonCredentials.file(
            try write("nl.toml", "access_key_id = \"K\\nX-Evil: 1\"\nsecret_access_key = \"\(TestSecret.key)\"\n"))
        #expect(code { _ = try broken.keys(environment: [:]) } == .permission)
    }

    @Test func keysOfTheEnvironment() throws {
        let environment = [
            "AWS_ACCESS_KEY_ID": "KEYID", "AWS_SECRET_ACCESS_KEY": TestSecret.key,
            "AWS_SESSION_TOKEN": TestSecret.token,
        ]
        let keys = try #require(try AmazonCredentials.environment.keys(environment: environment))
        #expect(keys.id == "KEYID" && keys.secret.exposed == TestSecret.key && keys.token?.exposed == TestSecret.token)
        #expect(!"\(keys)".contains(TestSecret.key) && !String(reflecting: keys).contains(TestSecret.token))
        let plain = environment.merging(["AWS_SESSION_TOKEN": ""]) { _, new in new }
        #expect(try AmazonCredentials.environment.keys(environment: plain)?.token == nil)
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            var lacking = environment
            lacking[name] = nil
            #expect(code { _ = try AmazonCredentials.environment.keys(environment: lacking) } == .permission)
        }
        #expect(try AmazonCredentials.anonymous.keys(environment: environment) == nil)
    }

    /// Files as `aws configure` writes them.
    private func profiles() throws -> [String: String] {
        _ = try write(
            ".aws/credentials",
            """
            [default]
            aws_access_key_id = DEFAULT
            aws_secret_access_key = \(TestSecret.key)

            # a comment
            [ work ]
            aws_access_key_id=WORK
            aws_secret_access_key\t=\t\(TestSecret.key)
            aws_session_token = \(TestSecret.token)
            """)
        _ = try write(
            ".aws/config",
            """
            [default]
            region = eu-north-1
            [profile work]
            region = eu-west-3
            s3 =
              region = nonsense
              addressing_style = path
            ; a comment
            [profile  only-here]
            region = ap-south-1
            aws_access_key_id = HERE
            aws_secret_access_key = \(TestSecret.key)
            [profile role]
            role_arn = arn:aws:iam::1:role/x
            source_profile = default
            [work]
            region = wrong-section
            """)
        return ["HOME": home.description]
    }

    @Test func keysOfProfiles() throws {
        let environment = try profiles()
        func id(_ profile: String, _ more: [String: String] = [:]) throws -> String? {
            try AmazonCredentials.profile(profile).keys(environment: environment.merging(more) { _, new in new })?.id
        }
        #expect(try id("default") == "DEFAULT")
        #expect(try id("work") == "WORK")
        #expect(try id("only-here") == "HERE")
        let token = try AmazonCredentials.profile("work").keys(environment: environment)?.token
        #expect(token?.exposed == TestSecret.token)
        let role = failure { _ = try id("role") }
        #expect(role?.code == .permission && role?.message.contains("role_arn") == true)
        #expect(code { _ = try id("none") } == .permission)
        let other = try write("other", "[work]\naws_access_key_id = OTHER\naws_secret_access_key = x\n")
        #expect(try id("work", ["AWS_SHARED_CREDENTIALS_FILE": other.description]) == "OTHER")
        #expect(code { _ = try id("work", ["HOME": "/none"]) } == .permission)
    }

    @Test func theRegionIsFoundAsTheToolsFindIt() throws {
        let files = try profiles()
        func region(
            _ configured: String = "", _ credentials: AmazonCredentials = .environment, _ more: [String: String] = [:]
        ) -> String {
            S3Settings(
                bucket: "b", prefix: "", region: configured, endpoint: "", usesPathStyle: false,
                credentials: credentials, certificates: nil,
                environment: files.merging(more) { _, new in new }
            ).region
        }
        let both = ["AWS_REGION": "one", "AWS_DEFAULT_REGION": "two"]
        #expect(region("mine", .profile("work"), both) == "mine")
        #expect(region("", .profile("work"), both) == "one")
        #expect(region("", .environment, ["AWS_REGION": "", "AWS_DEFAULT_REGION": "two"]) == "two")
        #expect(region() == "eu-north-1")
        #expect(region("", .profile("work")) == "eu-west-3")
        #expect(region("", .profile("only-here")) == "ap-south-1")
        #expect(region("", .environment, ["AWS_PROFILE": "work"]) == "eu-west-3")
        #expect(region("", .profile("default"), ["AWS_PROFILE": "work"]) == "eu-north-1")
        let other = try write("config", "[profile default]\nregion = sa-east-1\n").description
        #expect(region("", .environment, ["AWS_CONFIG_FILE": other]) == "sa-east-1")
        #expect(region("", .environment, ["HOME": "/none"]) == "us-east-1")
    }
}
