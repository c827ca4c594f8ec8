import Basis
import Testing
import Verdict

@Suite struct CanonicalJSONTests {
    func canonical(_ text: String) -> String? {
        (try? CanonicalJSON.canonical(Array(text.utf8))).map { String(decoding: $0, as: UTF8.self) }
    }

    func error(_ text: String) -> JSONError? {
        do throws(JSONError) {
            _ = try CanonicalJSON.parse(Array(text.utf8))
            return nil
        } catch { return error }
    }

    /// Shows the number vectors of `ledger.md` Appendix A and the edges of each printing rule.
    @Test func numbers() {
        let table: [(String, String?)] = [
            ("1.0", "1"), ("10e-1", "1"), ("-0.0e9", "0"), ("1e-6", "0.000001"),
            ("0.0000001", "1e-7"), ("1E+21", "1000000000000000000000"), ("-12.3400e2", "-1234"),
            ("12345.678e-8", "0.00012345678"), ("1e64", "1e64"), ("1e99999", "1e99999"),
            ("1e100000", nil), ("1e63", "1" + String(repeating: "0", count: 63)),
            ("-1e64", "-1e64"), ("1e-99999", "1e-99999"), ("1e-100000", nil),
            ("12e99999", nil), ("12e99998", "1.2e99999"),
            ("0e999999999999999999999999", "0"), ("1e999999999999999999999999", nil),
            ("1e-999999999999999999999999", nil), ("00", nil), ("01", nil), ("-", nil), ("1.", nil),
            (".5", nil), ("1e", nil), ("1e+", nil), ("+1", nil), ("1.5e3", "1500"),
            ("-1.5", "-1.5"),
            ("1_0", nil), ("0x10", nil), ("NaN", nil), ("Infinity", nil),
        ]
        for (source, expected) in table { #expect(canonical(source) == expected, "\(source)") }
        let nines = String(repeating: "9", count: 10_000)
        #expect(canonical(nines) == nines)
        #expect(canonical(nines + "9") == nil)
        #expect(canonical(nines + "00") == nines + "00", "2k digits may stand before the point")
        let long = String(repeating: "9", count: 65)
        #expect(canonical(long + ".5") == "9." + long.dropFirst() + "5e64")
        #expect(canonical(long) == long)
        #expect(
            canonical(String(repeating: "9", count: 64) + ".5") == String(repeating: "9", count: 64)
                + ".5")
    }

    /// Shows strings: what is escaped, what is decoded, what is refused.
    @Test func strings() {
        let table: [(String, String?)] = [
            (#""\u0041\/\"\\""#, #""A/\"\\""#), (#""\b\f\n\r\t""#, #""\b\f\n\r\t""#),
            (#""\u001F\u007f""#, "\"\\u001f\u{7f}\""), (#""\ud83d\ude00""#, "\"😀\""),
            (#""\ud83d""#, nil), (#""\ude00""#, nil), (#""\ud83d\u0041""#, nil), (#""\x""#, nil),
            ("\"a\nb\"", nil), (#""abc"#, nil), (#""\u00g0""#, nil), (#""\u12"#, nil),
            ("\"e\u{301}\"", "\"e\u{301}\""),
        ]
        for (source, expected) in table {
            let found = canonical(source)
            #expect(found.map { Array($0.utf8) } == expected.map { Array($0.utf8) }, "\(source)")
        }
        let bad: [[UInt8]] = [
            [0x22, 0xc0, 0xaf, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xff, 0x22],
            [0xef, 0xbb, 0xbf, 0x31], [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], [],
        ]
        for bytes in bad { #expect((try? CanonicalJSON.canonical(bytes)) == nil, "\(bytes)") }
    }

    /// Shows structure: order by UTF-8 bytes, no blanks, duplicates after unescaping, depth, trailing bytes.
    @Test func structure() {
        #expect(canonical(" { \"b\" : [ 1 , 2.0 ] , \"a\" : null } ") == #"{"a":null,"b":[1,2]}"#)
        #expect(canonical(#"{"é":1,"z":2,"":3}"#) == #"{"":3,"z":2,"é":1}"#)
        // Canonically equivalent keys are different keys: only bytes count.
        #expect(canonical("{\"e\u{301}\":1,\"\u{e9}\":2}") != nil)
        #expect(error(#"{"a":1,"\u0061":2}"#) == .duplicateKey("a", at: 7, first: 1))
        #expect(error(#"{"b":0,"a":1,"a":2,"b":3}"#) == .duplicateKey("a", at: 13, first: 7))
        #expect(error("[1] 2") == .trailing(at: 4))
        #expect(error("[1,]") == .unexpected(at: 3))
        #expect(error("{\"a\":1,}") == .unexpected(at: 7))
        #expect(error("[1") == .unexpected(at: 2))
        #expect(error("tru") == .unexpected(at: 3))
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(canonical(deep) == deep)
        #expect(error("[" + deep + "]") == .tooDeep(at: 64))
        #expect(error(String(repeating: "[", count: 1_000_000)) == .tooDeep(at: 64))
    }

    static func random(_ rng: inout SeededGenerator, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 4), using: &rng) {
        case 0: return .null
        case 1: return .bool(.random(using: &rng))
        case 2:
            let digits = String(rng.next() >> UInt64.random(in: 0..<64, using: &rng))
            let exponent = Int.random(in: -80...80, using: &rng)
            return .number(
                JSONNumber("\(Bool.random(using: &rng) ? "-" : "")\(digits)e\(exponent)")!)
        case 3:
            let pool = Array("a\"\\/\n\u{1}é😀*~".unicodeScalars)
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0..<6, using: &rng) {
                text.append(pool.randomElement(using: &rng)!)
            }
            return .string(String(text))
        case 4, 5:
            return .array(
                (0..<Int.random(in: 0..<4, using: &rng)).map { _ in random(&rng, depth: depth - 1) }
            )
        default:
            return .object(
                sorting: (0..<Int.random(in: 0..<4, using: &rng)).map { _ in
                    ("k\(Int.random(in: 0..<5, using: &rng))", random(&rng, depth: depth - 1))
                })
        }
    }

    /// Shows C08: printing then parsing gives the value back, and the text is its own canonical form.
    @Test func isIdempotent() throws {
        var rng = SeededGenerator(seed: 11)
        for _ in 0..<2_000 {
            let value = Self.random(&rng, depth: 4)
            let bytes = CanonicalJSON.bytes(value)
            #expect(try CanonicalJSON.parse(bytes) == value)
            #expect(CanonicalJSON.isCanonical(bytes))
        }
    }

    /// Shows C03: whatever bytes come, the parser answers; and what it accepts has a canonical form that is stable.
    @Test func mutationsNeverTrap() {
        var rng = SeededGenerator(seed: 12)
        var accepted = 0
        for _ in 0..<6_000 {
            var bytes = CanonicalJSON.bytes(Self.random(&rng, depth: 4))
            for _ in 0..<Int.random(in: 1...3, using: &rng) where !bytes.isEmpty {
                let i = Int.random(in: 0..<bytes.count, using: &rng)
                switch Int.random(in: 0..<4, using: &rng) {
                case 0: bytes[i] = UInt8.random(in: 0...255, using: &rng)
                case 1: bytes.remove(at: i)
                case 2:
                    bytes.insert(Array("{}[],:\"\\0e.-u".utf8).randomElement(using: &rng)!, at: i)
                default: bytes.swapAt(i, Int.random(in: 0..<bytes.count, using: &rng))
                }
            }
            if let canonical = try? CanonicalJSON.canonical(bytes) {
                accepted += 1
                #expect(CanonicalJSON.isCanonical(canonical))
            }
        }
        #expect(accepted > 300)
    }

    /// Shows that numbers are ordered by value, whatever their size.
    @Test func numbersAreOrdered() {
        let ascending = [
            "-1e400", "-12", "-1.5", "-1.25", "0", "1e-400", "0.5", "1", "1.0000001", "10", "2e3",
            "1e400",
        ]
        let numbers = ascending.map { JSONNumber($0)! }
        for i in numbers.indices {
            for j in numbers.indices { #expect((numbers[i] < numbers[j]) == (i < j)) }
        }
        #expect(JSONNumber("18446744073709551615")!.asUInt64 == .max)
        #expect(JSONNumber("18446744073709551616")!.asUInt64 == nil)
        #expect(JSONNumber("1e3")!.asUInt64 == 1_000)
        #expect(JSONNumber("-1")!.asUInt64 == nil)
        #expect(JSONNumber("0.5")!.asUInt64 == nil)
        #expect(JSONNumber(UInt64(12)) == JSONNumber("1.2e1"))
    }
}
