import Basis
import Testing
import Wire

@Suite struct CodecTests {
    struct Sample: WireEncodable, WireDecodable, Equatable {
        var number: UInt64
        var names: [String]
        var sorted: [UInt16]
        var maybe: Int32?
        var flag: Bool
        var hash: Bytes32

        func encode(to w: inout WireWriter) {
            w.u64(number)
            w.list(names) { $0.text($1) }
            w.list(sorted) { $0.u16($1) }
            w.optional(maybe) { $0.i32($1) }
            w.bool(flag)
            w.bytes32(hash)
        }
        init(from r: inout WireReader) throws(WireError) {
            number = try r.u64()
            names = try r.list(max: 4, itemBytesMin: 4) { (r) throws(WireError) in try r.text(max: 8) }
            sorted = try r.ascending(max: 8, itemBytesMin: 2, by: { $0 }) {
                (r) throws(WireError) in try r.u16()
            }
            maybe = try r.optional { (r) throws(WireError) in try r.i32() }
            flag = try r.bool()
            hash = try r.bytes32()
        }
        init(_ rng: inout SeededGenerator) {
            number = rng.next()
            names = (0..<Int.random(in: 0...4, using: &rng)).map { "n\($0)é" }
            sorted = Array(Set((0..<5).map { _ in UInt16.random(in: 0...99, using: &rng) })).sorted()
            maybe = Bool.random(using: &rng) ? -7 : nil
            flag = Bool.random(using: &rng)
            hash = Bytes32(rng.bytes(32))!
        }
    }

    /// Shows decode(encode(x)) == x, and that every accepted mutation encodes back to itself: one encoding a value.
    @Test func roundTripsAndRefusesEverythingElse() throws {
        var rng = SeededGenerator(seed: 1)
        var accepted = 0
        for _ in 0..<3_000 {
            let sample = Sample(&rng)
            let bytes = sample.encoded
            #expect(try Sample(decoding: bytes) == sample)
            var mutated = bytes
            switch Int.random(in: 0..<3, using: &rng) {
            case 0: mutated[Int.random(in: 0..<mutated.count, using: &rng)] ^= 1 << UInt8.random(in: 0..<8, using: &rng)
            case 1: mutated.removeLast(Int.random(in: 1...mutated.count, using: &rng))
            default: mutated.append(0)
            }
            if let other = try? Sample(decoding: mutated) {
                accepted += 1
                #expect(other.encoded == mutated)
            }
        }
        #expect(accepted > 500, "mutations of plain numbers are accepted")
    }

    /// Shows each refusal by the bytes that cause it.
    @Test func refusalsAreTyped() {
        func read<T>(_ bytes: [UInt8], _ f: (inout WireReader) throws(WireError) -> T) -> WireError? {
            var r = WireReader(bytes)
            do throws(WireError) {
                _ = try f(&r)
                try r.finish()
                return nil
            } catch { return error }
        }
        #expect(read([1, 2]) { (r) throws(WireError) in try r.u32() } == .truncated)
        #expect(read([2]) { (r) throws(WireError) in try r.bool() } == .unknownTag(2))
        #expect(read([1, 0]) { (r) throws(WireError) in try r.bool() } == .trailing(1))
        #expect(read([9, 0, 0, 0]) { (r) throws(WireError) in try r.bytes(max: 8) } == .tooLong(9, max: 8))
        #expect(read([1, 0, 0, 0, 0xff]) { (r) throws(WireError) in try r.text(max: 8) } == .badText)
        #expect(
            read([2, 0, 0, 0, 5, 5]) { (r) throws(WireError) in
                try r.ascending(max: 9, by: { $0 }) { (r) throws(WireError) in try r.u8() }
            } == .unsorted)
        // A count that promises more than the bytes can hold is refused before anything is allocated.
        #expect(
            read([255, 255, 255, 0]) { (r) throws(WireError) in
                try r.count(max: 1 << 30, itemBytesMin: 1)
            } == .truncated)
    }

    /// Shows the byte order: integers little-endian, hashes as they are.
    @Test func layout() {
        var w = WireWriter()
        w.u16(0x0102)
        w.u32(0x0304_0506)
        w.i64(-2)
        w.bytes32(Bytes32(hex: String(repeating: "0a", count: 31) + "0b")!)
        #expect(w.bytes.hex == "0201" + "06050403" + "feffffffffffffff" + String(repeating: "0a", count: 31) + "0b")
    }
}
