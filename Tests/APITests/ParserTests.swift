import Basis
import Testing

@testable import API

@Suite struct ParserTests {
    /// What the strict reader takes, Foundation reads as the same value; what it must not take, it refuses.
    @Test func strictJSON() throws {
        for text in [
            #"{"a":[1,-2,true,false,null,"x\n\u00e4\ud83d\ude00\/"],"b":{}}"#, "[]", " 7 ", "\"\"",
            "-9223372036854775808",
            #"{"ä":"€"}"#, "[[[[1]]]]",
        ] {
            let bytes = Array(text.utf8)
            #expect(
                try JSONReader.read(bytes) == JSONText.decode(JSONValue.self, from: bytes),
                "\(text)")
        }
        for text in [
            "", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "01", "-0", "+1", "1.5", "1e3",
            "9223372036854775808", "nul",
            "truex", "[1] 2", "\"\u{1}\"", "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"",
            "\"\\ud800\\u0041\"", "\"\\u12", "'a'",
            String(repeating: "[", count: 70) + String(repeating: "]", count: 70), "\"a", "{1:2}",
            "-",
        ] {
            #expect(throws: DocumentError.self, "\(text)") { try JSONReader.read(Array(text.utf8)) }
        }
        #expect(throws: DocumentError.self) { try JSONReader.read([0x22, 0xff, 0x22]) }
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(throws: Never.self) { try JSONReader.read(Array(deep.utf8)) }
    }

    /// Seeded mutations of good inputs never trap any reader of callers' bytes, and what is taken is written back as
    /// the same value.
    @Test func mutationsNeverTrap() throws {
        let seeds = [
            #"{"to":[{"account":"acct_b","amountMicro":"5"}],"n":-12,"x":"\u00e4\ud83d\ude00"}"#,
            "2026-11-20T10:15:02.123+01:00", "bytes=100-2000",
            "text/html;q=0.5, application/*;q=0.1, */*",
            "a=1&b=%41%e4&c=x+y",
            Cursor.make(after: "k|1", list: "l", now: Timestamp(unixMilliseconds: 5)),
            "id: 5\nevent: a\ndata: {\"x\":1}\n\n", "http://[::1]:7718", "250ms",
            "/v1/jobs/a%2fb?x=1",
        ].map { Array($0.utf8) }
        var random = SeededGenerator(seed: 11)
        var taken = 0
        for _ in 0..<6_000 {
            var bytes = seeds.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 0...4, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0...2, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 0x20...0x7e, using: &random), at: place)
                }
            }
            if let value = try? JSONReader.read(bytes) {
                taken += 1
                #expect(try JSONReader.read(JSONText.encode(value)) == value)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            if let time = Timestamp(text: text) { #expect(Timestamp(text: time.text) == time) }
            _ = try? ByteRange.parse(text, count: 1_000)
            _ = try? ByteRange.parse(text, count: 0)
            _ = Media.negotiate(text, [Media.receipt, Media.json])
            _ = PercentCoding.pairs(text)
            _ = try? Cursor.open(text, list: "l", now: Timestamp(unixMilliseconds: 5))
            _ = QueryValues.milliseconds(text)
            _ = Route.split(text)
            _ = VisibleText.escape(text, limit: 20)
            _ = try? JSONText.decode(Problem.self, from: bytes)
            if let endpoint = APIEndpoint(text) {
                #expect(APIEndpoint(endpoint.description) == endpoint)
            }
            var parser = EventStreamParser()
            _ = parser.feed(bytes)
        }
        #expect(taken > 100)
        let coded = PercentCoding.encode("a b/ä?%+")
        #expect(PercentCoding.decode(coded, isQuery: true) == "a b/ä?%+")
    }
}
