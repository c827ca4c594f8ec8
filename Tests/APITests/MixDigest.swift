import TestKit
import Trust

/// Digests that differ.
enum MixDigest {
    static func of(_ n: UInt8) -> Digest { MixHashing().digest([n]) }
}
