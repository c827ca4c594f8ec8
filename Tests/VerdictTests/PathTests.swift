import Basis
import Testing
import Verdict
import Wire

@Suite struct PathTests {
    func ignoring(_ json: String, _ paths: String...) throws -> String {
        let value = try CanonicalJSON.parse(Array(json.utf8))
        return CanonicalJSON.text(value.ignoring(paths.map { Path($0)! }))
    }

    /// Shows masking: members go, elements become null, wildcards reach what they say and no more.
    @Test func masks() throws {
        #expect(try ignoring(#"{"a":1,"b":2}"#, "/a") == #"{"b":2}"#)
        #expect(try ignoring(#"{"a":{"t":1},"t":2}"#, "/a/t") == #"{"a":{},"t":2}"#)
        #expect(try ignoring("[1,2,3]", "/1") == "[1,null,3]")
        #expect(try ignoring(#"{"0":1,"1":2}"#, "/1") == #"{"0":1}"#)
        #expect(try ignoring(#"[{"t":1,"v":2},{"t":3}]"#, "/*/t") == #"[{"v":2},{}]"#)
        #expect(try ignoring(#"{"t":1,"a":[{"b":{"t":2}}]}"#, "/**/t") == #"{"a":[{"b":{}}]}"#)
        #expect(try ignoring(#"{"a":{"b":1,"c":[2]},"d":3}"#, "/a/**") == #"{"d":3}"#)
        #expect(try ignoring(#"{"a":[1,[2]]}"#, "/a/*") == #"{"a":[null,null]}"#)
        #expect(try ignoring(#"{"*":1,"a":2}"#, "/~2") == #"{"a":2}"#)
        #expect(try ignoring(#"{"a/b":1,"~":2,"":3}"#, "/a~1b", "/~0", "/") == "{}")
        #expect(try ignoring("[1,2]", "") == "[1,2]", "the whole value is no member")
        #expect(try ignoring(#"{"a":1}"#, "/**") == "{}")
        #expect(
            try ignoring(#"{"a":{"x":{"y":1}},"x":{"z":{"y":2}}}"#, "/**/x/**/y")
                == #"{"a":{"x":{}},"x":{"z":{}}}"#)
        #expect(try ignoring("3", "/a", "/**") == "3")
    }

    /// Shows that text round-trips, and that what is no pointer is refused.
    @Test func text() {
        for text in ["", "/", "/a", "/*/**/~2/~0~1/12/x~2y", "/a//b"] {
            #expect(Path(text)?.text == text)
        }
        for text in ["a", "/~", "/~3", "a/b", String(repeating: "/a", count: 17)] {
            #expect(Path(text) == nil, "\(text)")
        }
        #expect(Path(String(repeating: "/a", count: 16)) != nil)
        #expect(Path("/" + String(repeating: "a", count: 257)) == nil)
        #expect(Path("/01")?.segments == [.key(Array("01".utf8))])
        #expect(Path("/4294967296")?.segments == [.key(Array("4294967296".utf8))])
    }

    /// Shows the layouts of Path and Comparator by golden vectors.
    @Test func layouts() throws {
        let path = Path("/a/*/7/**")!
        #expect(
            path.encoded.hex == "04000000" + "00" + "0100000061" + "01" + "02" + "07000000" + "03")
        #expect(try Path(decoding: path.encoded) == path)
        #expect(Comparator.raw.encoded.hex == "010000000000")
        let json = Comparator(mode: .json, ignore: [path])!
        #expect(json.encoded.hex == "0101" + "01000000" + path.encoded.hex)
        #expect(try Comparator(decoding: json.encoded) == json)
        #expect(Comparator(mode: .raw, ignore: [path]) == nil)
        #expect(Comparator(mode: .json, ignore: Array(repeating: path, count: 33)) == nil)
        let wide = Path("/" + String(repeating: "a", count: 255))!
        #expect(
            Comparator(mode: .json, ignore: Array(repeating: wide, count: 4)) == nil,
            "over 1,024 bytes")
        #expect(throws: WireError.unknownTag(2)) { try Comparator(decoding: [2, 0, 0, 0, 0, 0]) }
        #expect(throws: WireError.unknownTag(2)) { try Comparator(decoding: [1, 2, 0, 0, 0, 0]) }
    }

    /// Shows that every accepted mutation of a comparator encodes back to itself.
    @Test func comparatorFuzz() {
        var rng = SeededGenerator(seed: 5)
        let seeds = [
            Comparator.raw, .json,
            Comparator(mode: .json, ignore: [Path("/a/*/7/**")!, Path("/é")!])!,
        ]
        var accepted = 0
        for _ in 0..<5_000 {
            var bytes = seeds.randomElement(using: &rng)!.encoded
            bytes[Int.random(in: 0..<bytes.count, using: &rng)] ^=
                1 << UInt8.random(in: 0..<8, using: &rng)
            if Bool.random(using: &rng) {
                bytes.removeLast(Int.random(in: 0..<bytes.count, using: &rng))
            }
            if let other = try? Comparator(decoding: bytes) {
                accepted += 1
                #expect(other.encoded == bytes)
            }
        }
        #expect(accepted > 100)
    }
}
