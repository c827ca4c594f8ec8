import Testing

@testable import API

@Suite struct DocumentTests {
    /// Every type of document has a schema read off its Swift type, names itself in it, and an example with all fields
    /// survives encoding and decoding unchanged.
    @Test func everyDocumentReflectsAndReturns() throws {
        for type in DocumentTypes.all { try check(type) }
    }

    private func check<D: Document>(_ type: D.Type) throws {
        guard case .object(let fields) = SchemaReflection.fields(of: type) else {
            Issue.record("\(type) is no object")
            return
        }
        #expect(fields.first?.name == "schema")
        #expect(fields.first?.shape == .constant("peernode/\(D.documentType)/1"))
        let example = SchemaReflection.example(of: type)
        let bytes = example.json()
        #expect(try D(json: bytes) == example)
        #expect(try D(json: bytes).json() == bytes)
        let members = try JSONText.decode(JSONValue.self, from: bytes).members ?? [:]
        #expect(members.keys.sorted() == fields.map(\.name).sorted(), "\(type)")
        #expect(DocumentTypes.schema(D.documentType)?["properties"]?.members?.count == fields.count)
    }

    /// Absent is unknown, null is known to be none, and both survive a round trip as what they were.
    @Test func absentAndNullStayApart() throws {
        let none = BlobDocument(id: "blob_x", bytes: 2, pinned: false, expiresAt: .null)
        let unknown = BlobDocument(id: "blob_x", bytes: 2, pinned: false)
        let head = #"{"bytes":2,"#
        let tail = #""holders":[],"id":"blob_x","pinned":false,"schema":"peernode/blob/1"}"#
        #expect(text(none.json()) == head + #""expiresAt":null,"# + tail)
        #expect(text(unknown.json()) == head + tail)
        #expect(try BlobDocument(json: none.json()) == none)
        #expect(try BlobDocument(json: unknown.json()) == unknown)
    }

    /// The bytes of a job document are fixed: sorted keys, micro-credits as digits, times with milliseconds.
    @Test func jobHasTheseBytes() {
        let job = JobDocument(
            id: "job_a", name: Known("words"), labels: ["b": "2", "a": "1/2"], owner: "acct_b",
            state: .running,
            certified: false, code: .null,
            cost: .init(heldMicro: 3_150_000, maxMicro: Micro(UInt64.max)),
            times: .init(submittedAt: Timestamp(unixMilliseconds: 1_795_169_702_123)),
            assurance: .replayed)
        #expect(
            text(job.json())
                == #"{"assurance":"replayed","certified":false,"code":null,"cost":{"heldMicro":"3150000","#
                + #""maxMicro":"18446744073709551615"},"id":"job_a","labels":{"a":"1/2","b":"2"},"name":"words","#
                + #""owner":"acct_b","schema":"peernode/job/1","state":"running","#
                + #""times":{"submittedAt":"2026-11-20T10:15:02.123Z"}}"#)
    }

    /// A document of another type or version is refused by its schema; unknown fields are ignored.
    @Test func schemaIsChecked() throws {
        let health = HealthDocument(status: "ok")
        #expect(throws: DocumentError.self) { _ = try BlobDocument(json: health.json()) }
        let newer = #"{"schema":"peernode/health/1","status":"ok","added":[1,{"x":null}]}"#
        #expect(try HealthDocument(json: Array(newer.utf8)) == health)
        let other = #"{"schema":"peernode/health/2","status":"ok"}"#
        #expect(throws: DocumentError.self) { _ = try HealthDocument(json: Array(other.utf8)) }
    }

    /// Digits are canonical text: what would be written otherwise is not read.
    @Test func digitsAreCanonical() {
        #expect(Micro(text: "0") == 0)
        #expect(Micro(text: "18446744073709551615")?.value == .max)
        #expect(SignedMicro(text: "-5") == -5)
        for bad in ["", "01", "+1", "-0", "1.0", "18446744073709551616", " 1", "١"] {
            #expect(Micro(text: bad) == nil, "\(bad)")
        }
        #expect(SignedMicro(text: "-0") == nil)
    }

    /// Times of all parts of the calendar return as they were, and what is no time is refused.
    @Test func timesReturn() {
        var times = [
            0, -1, 951_782_399_999, 951_782_400_000, 1_709_164_800_000, -62_167_219_200_000,
        ]
        times += [253_402_300_799_999] + (0..<400).map { $0 * 86_399_999 * 97 - 5_000_000_000_000 }
        for time in times.map({ Timestamp(unixMilliseconds: Int64($0)) }) {
            #expect(Timestamp(text: time.text) == time)
        }
        #expect(Timestamp(unixMilliseconds: 951_782_400_000).text == "2000-02-29T00:00:00.000Z")
        #expect(Timestamp(text: "2026-11-20T11:15:02+01:00")?.text == "2026-11-20T10:15:02.000Z")
        #expect(Timestamp(text: "2026-11-20T10:15:02.5Z")?.text == "2026-11-20T10:15:02.500Z")
        for bad in [
            "", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-20T24:00:00Z",
            "2026-11-20T10:15:02",
            "2026-11-20 10:15:02Z", "2026-11-20T10:15:02.Z", "2026-11-20T10:15:02.1",
            "2026-11-20T10:15:02+1:00",
        ] {
            #expect(Timestamp(text: bad) == nil, "\(bad)")
        }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
