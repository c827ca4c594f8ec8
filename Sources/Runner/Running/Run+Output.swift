import Basis
import Records

// Standard output and standard error: kept, limited, and read for progress.

extension Run {
    func take(_ stream: LogMark.Stream, _ bytes: UnsafeRawBufferPointer) {
        switch stream {
        case .standardOutput:
            let isLimited = !runner.weakening.ignoredLimits.contains(.standardOutput)
            if frame.readsProgressOnStdout { readProgress(\.stdoutLine, bytes) }
            if !streams.takeOutput(bytes, isLimited: isLimited) { hit(.standardOutput) }
        case .standardError:
            readProgress(\.stderrLine, bytes)
            if !streams.takeErrors(bytes) { hit(.standardError) }
        }
        if streams.hasFailed { fail(.hostDiskFull("the outputs of a run cannot be kept")) }
    }

    private func readProgress(
        _ line: WritableKeyPath<Progress, ProgressLine>, _ bytes: UnsafeRawBufferPointer
    ) {
        guard let found = progress[keyPath: line].take(bytes) else { return }
        // At most four a second are passed on (5.4); the last word is the end itself.
        if let last = progress.lastTold, now - last < .milliseconds(250) { return }
        progress.lastTold = now
        runner.emit(
            id, .progress(item: UInt32(items.count), perMille: found.perMille, text: found.text))
    }
}

/// What was understood of `::progress` lines.
struct Progress {
    var stdoutLine = ProgressLine()
    var stderrLine = ProgressLine()
    var lastTold: Instant?
}

/// Finds lines `::progress F text` in a stream that comes in pieces, with a fixed amount of memory.
struct ProgressLine {
    private var line: [UInt8] = []
    private var isTooLong = false
    /// The keyword, a fraction of up to 32 digits, and 200 bytes of text.
    private static let bytesMax = 256

    /// The last progress that `bytes` completes.
    mutating func take(_ bytes: UnsafeRawBufferPointer) -> (perMille: UInt16, text: String)? {
        var found: (perMille: UInt16, text: String)?
        for byte in bytes {
            if byte != 0x0a {
                if line.count < ProgressLine.bytesMax { line.append(byte) } else { isTooLong = true }
                continue
            }
            if !isTooLong, line.first == UInt8(ascii: ":"), let progress = ProgressLine.parse(line) {
                found = progress
            }
            line.removeAll(keepingCapacity: true)
            isTooLong = false
        }
        return found
    }

    /// `F` is a decimal from 0 to 1; the text is at most 200 bytes of UTF-8.
    static func parse(_ line: [UInt8]) -> (perMille: UInt16, text: String)? {
        let prefix = Array("::progress ".utf8)
        guard line.starts(with: prefix) else { return nil }
        let rest = line[prefix.count...]
        let number = rest.prefix { $0 != UInt8(ascii: " ") }
        let text = rest.dropFirst(number.count + 1)
        guard let perMille = fraction(number), text.count <= 200,
            let words = String(validating: text, as: UTF8.self)
        else { return nil }
        return (perMille, words)
    }

    private static func fraction(_ digits: ArraySlice<UInt8>) -> UInt16? {
        let parts = digits.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard digits.count <= 34, parts.count <= 2, let whole = parts.first, !whole.isEmpty,
            parts.allSatisfy({ $0.allSatisfy { (0x30...0x39).contains($0) } }),
            parts.count == 1 || !parts[1].isEmpty
        else { return nil }
        let isOne = whole.last == UInt8(ascii: "1")
        guard whole.dropLast().allSatisfy({ $0 == 0x30 }), isOne || whole.last == 0x30 else { return nil }
        let decimals = parts.count == 2 ? Array(parts[1]) : []
        if isOne { return decimals.allSatisfy { $0 == 0x30 } ? 1_000 : nil }
        let padded = decimals.prefix(3) + [UInt8](repeating: 0x30, count: max(0, 3 - decimals.count))
        return padded.reduce(0) { $0 * 10 + UInt16($1 - 0x30) }
    }
}
