import Basis
import Records
public import Trust

/// The first byte of a key in the state family (`ledger.md` 14.1).
enum StatePrefix: UInt8, Sendable {
    case account = 0x01
    case offer = 0x02
    case job = 0x03
    case lease = 0x04
    case timer = 0x05
    case reputation = 0x08
    case inviteUse = 0x0a
    case supply = 0x0e
    case seat = 0x0f
    case digestRing = 0x10
    case lapse = 0x11
    case clock = 0x12
}

/// A typed key whose order is the byte order of its encoding: big-endian integers, raw ids.
protocol StateKey: Hashable, Comparable, Sendable {
    /// Appends what follows the prefix.
    func append(to bytes: inout [UInt8])
    /// Reads what follows the prefix; nil for anything that `append` does not write.
    init?(stateKey bytes: ArraySlice<UInt8>)
}

extension PublicKey: StateKey {
    func append(to bytes: inout [UInt8]) { raw.append(to: &bytes) }
    init?(stateKey bytes: ArraySlice<UInt8>) { self.init(bytes) }
}

extension JobID: StateKey {
    func append(to bytes: inout [UInt8]) { raw.append(to: &bytes) }
    init?(stateKey bytes: ArraySlice<UInt8>) { self.init(bytes) }
}

/// Big-endian writing and reading of key parts.
enum KeyBytes {
    static func append<T: FixedWidthInteger & UnsignedInteger>(_ value: T, to bytes: inout [UInt8]) {
        var shift = T.bitWidth
        while shift > 0 {
            shift -= 8
            bytes.append(UInt8(truncatingIfNeeded: value >> T(shift)))
        }
    }

    static func read<T: FixedWidthInteger & UnsignedInteger>(
        _ type: T.Type, _ bytes: ArraySlice<UInt8>, at offset: Int
    ) -> T {
        var value: T = 0
        for i in 0..<T.bitWidth / 8 { value = value << 8 | T(bytes[bytes.startIndex + offset + i]) }
        return value
    }

    static func slice(_ bytes: ArraySlice<UInt8>, _ from: Int, _ count: Int) -> ArraySlice<UInt8> {
        bytes[bytes.startIndex + from..<bytes.startIndex + from + count]
    }
}

/// account ‖ slotClass.
public struct OfferKey: StateKey {
    public let account: PublicKey
    public let slotClass: UInt8

    public init(account: PublicKey, slotClass: UInt8) {
        self.account = account
        self.slotClass = slotClass
    }

    public static func < (a: OfferKey, b: OfferKey) -> Bool {
        a.account != b.account ? a.account < b.account : a.slotClass < b.slotClass
    }

    func append(to bytes: inout [UInt8]) {
        account.raw.append(to: &bytes)
        bytes.append(slotClass)
    }

    init?(stateKey bytes: ArraySlice<UInt8>) {
        guard bytes.count == 33, let account = PublicKey(bytes.prefix(32)), let slotClass = bytes.last else {
            return nil
        }
        self.init(account: account, slotClass: slotClass)
    }
}

/// job ‖ index.
public struct LeaseKey: StateKey {
    public let job: JobID
    public let index: UInt16

    public init(job: JobID, index: UInt16) {
        self.job = job
        self.index = index
    }

    public static func < (a: LeaseKey, b: LeaseKey) -> Bool {
        a.job != b.job ? a.job < b.job : a.index < b.index
    }

    func append(to bytes: inout [UInt8]) {
        job.raw.append(to: &bytes)
        KeyBytes.append(index, to: &bytes)
    }

    init?(stateKey bytes: ArraySlice<UInt8>) {
        guard bytes.count == 34, let job = JobID(bytes.prefix(32)) else { return nil }
        self.init(job: job, index: KeyBytes.read(UInt16.self, bytes, at: 32))
    }
}

/// deadline ‖ kind ‖ job ‖ index: the order in which timers fire.
public struct TimerKey: StateKey {
    public enum Kind: UInt8, Sendable { case lease = 1, reveal, drawRetry, job }

    /// L in milliseconds.
    public let deadline: UInt64
    public let kind: Kind
    public let job: JobID
    /// The lease of a lease timer, else 0.
    public let index: UInt16

    public init(deadline: UInt64, kind: Kind, job: JobID, index: UInt16 = 0) {
        self.deadline = deadline
        self.kind = kind
        self.job = job
        self.index = index
    }

    public static func < (a: TimerKey, b: TimerKey) -> Bool {
        if a.deadline != b.deadline { return a.deadline < b.deadline }
        if a.kind != b.kind { return a.kind.rawValue < b.kind.rawValue }
        return a.job != b.job ? a.job < b.job : a.index < b.index
    }

    func append(to bytes: inout [UInt8]) {
        KeyBytes.append(deadline, to: &bytes)
        bytes.append(kind.rawValue)
        job.raw.append(to: &bytes)
        KeyBytes.append(index, to: &bytes)
    }

    init?(stateKey bytes: ArraySlice<UInt8>) {
        guard bytes.count == 43, let kind = Kind(rawValue: KeyBytes.read(UInt8.self, bytes, at: 8)),
            let job = JobID(KeyBytes.slice(bytes, 9, 32))
        else { return nil }
        self.init(
            deadline: KeyBytes.read(UInt64.self, bytes, at: 0), kind: kind, job: job,
            index: KeyBytes.read(UInt16.self, bytes, at: 41))
    }
}

/// account ‖ runtime.
struct ReputationKey: StateKey {
    let account: PublicKey
    let runtime: Digest

    static func < (a: ReputationKey, b: ReputationKey) -> Bool {
        a.account != b.account ? a.account < b.account : a.runtime < b.runtime
    }

    func append(to bytes: inout [UInt8]) {
        account.raw.append(to: &bytes)
        runtime.raw.append(to: &bytes)
    }

    init(account: PublicKey, runtime: Digest) {
        self.account = account
        self.runtime = runtime
    }

    init?(stateKey bytes: ArraySlice<UInt8>) {
        guard bytes.count == 64, let account = PublicKey(bytes.prefix(32)), let runtime = Digest(bytes.suffix(32))
        else { return nil }
        self.init(account: account, runtime: runtime)
    }
}

/// signer ‖ serial.
struct InviteKey: StateKey {
    let signer: PublicKey
    let serialHigh: UInt64
    let serialLow: UInt64

    init(signer: PublicKey, serial: [UInt8]) {
        invariant(serial.count == InviteToken.serialBytes, "serial of \(serial.count) bytes")
        self.signer = signer
        serialHigh = KeyBytes.read(UInt64.self, serial[...], at: 0)
        serialLow = KeyBytes.read(UInt64.self, serial[...], at: 8)
    }

    static func < (a: InviteKey, b: InviteKey) -> Bool {
        if a.signer != b.signer { return a.signer < b.signer }
        return a.serialHigh != b.serialHigh ? a.serialHigh < b.serialHigh : a.serialLow < b.serialLow
    }

    func append(to bytes: inout [UInt8]) {
        signer.raw.append(to: &bytes)
        KeyBytes.append(serialHigh, to: &bytes)
        KeyBytes.append(serialLow, to: &bytes)
    }

    init?(stateKey bytes: ArraySlice<UInt8>) {
        guard bytes.count == 48, let signer = PublicKey(bytes.prefix(32)) else { return nil }
        self.init(signer: signer, serial: Array(bytes.suffix(16)))
    }
}

/// height mod 128, one byte.
struct RingKey: StateKey {
    let slot: UInt8
    init(height: UInt64) { slot = UInt8(height % LedgerLimits.digestRing) }
    static func < (a: RingKey, b: RingKey) -> Bool { a.slot < b.slot }
    func append(to bytes: inout [UInt8]) { bytes.append(slot) }
    init?(stateKey bytes: ArraySlice<UInt8>) {
        guard bytes.count == 1, let slot = bytes.first, UInt64(slot) < LedgerLimits.digestRing else { return nil }
        self.slot = slot
    }
}

/// T ‖ state key: the T-based deadlines of phase E.
struct LapseKey: StateKey {
    /// Milliseconds since 1970.
    let at: UInt64
    /// A whole key of the state family, with its prefix.
    let target: [UInt8]

    static func < (a: LapseKey, b: LapseKey) -> Bool {
        a.at != b.at ? a.at < b.at : a.target.lexicographicallyPrecedes(b.target)
    }

    init(at: UInt64, target: [UInt8]) {
        self.at = at
        self.target = target
    }

    func append(to bytes: inout [UInt8]) {
        KeyBytes.append(at, to: &bytes)
        bytes.append(contentsOf: target)
    }

    init?(stateKey bytes: ArraySlice<UInt8>) {
        guard bytes.count > 8 else { return nil }
        self.init(at: KeyBytes.read(UInt64.self, bytes, at: 0), target: Array(bytes.dropFirst(8)))
    }
}
