import Foundation

/// What the demo computes: how often each word occurs in a text, by programs that every system has.
enum DemoJob {
    static let name = "gpl3-words"
    /// Shipped by the distribution's base system.
    static let text = "/usr/share/common-licenses/GPL-3"
    static let shown = 10

    /// The manifest, and what it is submitted as: pauses of about 2 s stand in it, not in the node.
    static func manifest(text: String) -> String {
        """
        peernode: v1
        name: \(name)
        run:
          runtime: command
          args:
            - sh
            - -c
            - |
              export LC_ALL=C
              pause() { echo "::progress $1" >&2; sleep 0.5; }
              pause 0.1
              tr -cs 'A-Za-z' '\\n' < /in/text | tr 'A-Z' 'a-z' | grep . > /tmp/words
              pause 0.3
              sort /tmp/words | uniq -c > /tmp/counts
              pause 0.6
              sort -k1,1nr -k2,2 /tmp/counts > /tmp/ranks
              pause 0.9
              head -n \(shown) /tmp/ranks
        inputs:
          text: {file: \(text)}
        outputs: {result: text}
        verify: {replicas: 3, quorum: 3}
        timeout: {run: 5s, lease: 10s}
        """
    }

    /// The same counts, made here: runs of ASCII letters without regard to case, the most frequent first.
    static func count(_ bytes: [UInt8]) -> [(word: String, count: Int)] {
        var counts: [String: Int] = [:]
        var word: [UInt8] = []
        for byte in bytes + [0x0a] {
            let lower = byte | 0x20
            if (0x61...0x7a).contains(lower) {
                word.append(lower)
            } else if !word.isEmpty {
                counts[String(decoding: word, as: UTF8.self), default: 0] += 1
                word = []
            }
        }
        let ranked = counts.map { (word: $0.key, count: $0.value) }
        return ranked.sorted { ($1.count, $0.word) < ($0.count, $1.word) }
    }

    /// Reads the lines that `uniq -c` made.
    static func read(_ output: [UInt8]) -> [(word: String, count: Int)] {
        String(decoding: output, as: UTF8.self).split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count == 2, let count = Int(parts[0]) else { return nil }
            return (word: String(parts[1]), count: count)
        }
    }
}
