import Basis
import NIOConcurrencyHelpers
import Testing

@testable import API

@Suite struct ContentTests {
    private func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// A blob goes up in pieces and comes down as it was, over both ways in; a second time it was there already.
    @Test func blobsGoUpAndDown() async throws {
        try await ServerFixture.run { fixture in
            for (client, size) in [
                (fixture.socket, 3_000_001), (fixture.tcp(.submit), 700_000), (fixture.socket, 0),
            ] {
                let content = bytes(size, seed: UInt64(size))
                let pieces = Pieces(content, size: 65_537)
                let blob = try await client.document(
                    BlobDocument.self,
                    ClientRequest(
                        "POST", "/v1/blobs",
                        body: .stream(count: nil, mediaType: Media.octets) { await pieces.next() }))
                #expect(blob.bytes == Int64(size))
                let again = try await client.whole(
                    "PUT", "/v1/blobs/" + blob.id, body: .bytes(content, mediaType: Media.octets))
                #expect(again.status == 200)
                let down = try await client.whole("GET", "/v1/blobs/" + blob.id)
                #expect(down.status == 200 && down.body == content)
                #expect(down.headers["cache-control"]?.contains("immutable") == true)
                #expect(down.headers["content-length"] == String(size))
            }
        }
    }

    /// A blob that is not the one named is refused and leaves nothing; so does one that breaks off.
    @Test func wrongBlobsLeaveNothing() async throws {
        try await ServerFixture.run { fixture in
            let answer = try await fixture.socket.whole(
                "PUT", "/v1/blobs/blob_other", body: .bytes([1, 2, 3], mediaType: Media.octets))
            #expect(answer.status == 422 && answer.problem?.code == "E340")
            let short = ClientRequest(
                "POST", "/v1/blobs",
                body: .stream(count: 10, mediaType: Media.octets) { throw Problem(.bug, "cut") })
            await #expect(throws: Problem.self) { try await fixture.socket.bytes(short) }
            #expect(fixture.node.state.withLockedValue { $0.blobs.isEmpty })
            #expect(try await fixture.socket.whole("GET", "/healthz").status == 200)
        }
    }

    /// Seeded ranges give what a slice of the content gives, and pieces join to the whole; a range behind the end is
    /// 416 with the size.
    @Test func rangesAreSlices() async throws {
        try await ServerFixture.run { fixture in
            let content = bytes(600_000, seed: 3)
            let blob = try await fixture.socket.document(
                BlobDocument.self,
                ClientRequest("POST", "/v1/blobs", body: .bytes(content, mediaType: Media.octets)))
            let path = "/v1/blobs/" + blob.id
            var random = SeededGenerator(seed: 4)
            var joined: [UInt8] = []
            while joined.count < content.count {
                let end = min(
                    content.count - 1, joined.count + Int.random(in: 0...200_000, using: &random))
                let part = try await fixture.socket.whole(
                    "GET", path, headers: [("Range", "bytes=\(joined.count)-\(end)")])
                try #require(part.status == 206 && part.body.count == end - joined.count + 1)
                #expect(
                    part.headers["content-range"] == "bytes \(joined.count)-\(end)/\(content.count)"
                )
                joined += part.body
            }
            #expect(joined == content)
            let tail = try await fixture.socket.whole("GET", path, headers: [("Range", "bytes=-5")])
            #expect(tail.body == Array(content.suffix(5)))
            let over = try await fixture.socket.whole(
                "GET", path, headers: [("Range", "bytes=599999-9999999")])
            #expect(over.status == 206 && over.body.count == 1)
            for bad in ["bytes=600000-", "bytes=700000-800000", "bytes=-0"] {
                let answer = try await fixture.socket.whole("GET", path, headers: [("Range", bad)])
                #expect(answer.status == 416 && answer.problem?.code == "E614", "\(bad)")
                #expect(answer.headers["content-range"] == "bytes */600000")
            }
            for ignored in [
                "lines=1-2", "bytes=x-", "bytes=5-2", "bytes=0-1,3-4",
                "bytes=99999999999999999999-",
            ] {
                let answer = try await fixture.socket.whole(
                    "GET", path, headers: [("Range", ignored)])
                #expect(answer.status == 200 && answer.body.count == 600_000, "\(ignored)")
            }
            let other = try await fixture.socket.whole(
                "GET", path, headers: [("Range", "bytes=0-1"), ("If-Range", "\"blob_old\"")])
            #expect(other.status == 200)
            let same = try await fixture.socket.whole(
                "GET", path, headers: [("If-None-Match", "\"\(blob.id)\"")])
            #expect(same.status == 304 && same.body.isEmpty)
            let head = try await fixture.socket.whole("HEAD", path)
            #expect(head.headers["content-length"] == "600000" && head.body.isEmpty)
        }
    }

    /// An output with HTML or script is sent so that no browser shows it as a page of ours.
    @Test func outputsAreNoPages() async throws {
        try await ServerFixture.run { fixture in
            let job = try await fixture.socket.create(
                JobDocument.self,
                ClientRequest("POST", "/v1/jobs", body: .bytes([0x78], mediaType: Media.yaml)))
            let page = Array("<script>alert(1)</script>".utf8)
            fixture.node.complete(
                job.id, output: page,
                logs: [
                    LogLineDocument(replica: 0, stream: .stdout, offsetBytes: 0, text: "<b>x</b>")
                ])
            for path in ["outputs/stdout", "stdout", "stderr", "logs", "manifest"] {
                let answer = try await fixture.socket.whole("GET", "/v1/jobs/\(job.id)/\(path)")
                #expect(answer.status == 200, "\(path)")
                #expect(
                    answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
                        && answer.headers["content-disposition"] == "attachment"
                        && answer.headers["x-content-type-options"] == "nosniff", "\(path)")
                #expect(answer.headers["content-type"]?.contains("html") == false)
            }
            #expect(try await fixture.socket.whole("GET", "/v1/jobs/\(job.id)/stdout").body == page)
            #expect(
                try await fixture.socket.whole("GET", "/v1/jobs/\(job.id)/outputs/none").status
                    == 404)
        }
    }

    /// `/metrics` counts by row, never by path, and keeps the text format; it needs a token unless it is open.
    @Test func metricsCount() async throws {
        try await ServerFixture.run(metricsAreOpen: true) { fixture in
            _ = try await fixture.socket.whole("GET", "/v1/peers/peer_secret")
            _ = try await fixture.socket.whole("GET", "/nothing/here")
            let answer = try await fixture.tcp(nil).whole("GET", "/metrics")
            #expect(answer.headers["content-type"] == MetricsText.mediaType)
            #expect(
                answer.text.contains(
                    "peernode_api_requests_total{route=\"peer\",method=\"GET\",status=\"404\"} 1\n")
            )
            #expect(answer.text.contains("route=\"none\""))
            #expect(!answer.text.contains("peer_secret") && !answer.text.contains("nothing"))
            for line in answer.text.split(separator: "\n") where !line.hasPrefix("#") {
                #expect(
                    line.wholeMatch(of: /peernode_[a-z_]+(\{[^}]*\})? [0-9.e+\-]+/) != nil,
                    "\(line)")
            }
            #expect(answer.text.contains("# TYPE peernode_ledger_height gauge\n"))
        }
        try await ServerFixture.run { fixture in
            let answer = try await fixture.tcp(nil).whole("GET", "/metrics")
            #expect(answer.status == 401)
        }
    }
}
