/// What a coalition does (`simulation.md` 10). Names are part of the interface; those of parts that do not exist yet
/// are refused when a scenario is read.
public enum AdversaryType: String, Sendable, CaseIterable {
    // Any peer.
    case dropper, selectiveDropper = "selective_dropper", delayer, replayer, mutator, babbler, flooder
    // Membership.
    case sybilSwarm = "sybil_swarm", recordEquivocator = "record_equivocator", clockLiar = "clock_liar"
    case thirdPartyAccuser = "third_party_accuser", staleTeller = "stale_teller"
    case handshakeAbuser = "handshake_abuser"
    // Seats.
    case silentLeader = "silent_leader", equivocatingLeader = "equivocating_leader", doubleVoter = "double_voter"
    case finalizeNullifyVoter = "finalize_nullify_voter", censor, turnSkipper = "turn_skipper"
    case lateProposer = "late_proposer", timeLiar = "time_liar", badBlockProposer = "bad_block_proposer"
    case amnesiac, falseAttester = "false_attester", certificateForger = "certificate_forger"
    // Accounts.
    case doubleSpender = "double_spender", overspender, nonceReplayer = "nonce_replayer", dustSpammer = "dust_spammer"
    // Submitters.
    case idGrinder = "id_grinder", flakySubmitter = "flaky_submitter", inputWithholder = "input_withholder"
    case lateCanceller = "late_canceller"
    // Workers.
    case wrongResult = "wrong_result", sameWrongResult = "same_wrong_result", toleranceWalker = "tolerance_walker"
    case copier, commitNoReveal = "commit_no_reveal", doubleCommitter = "double_committer"
    case silentWorker = "silent_worker", overAdvertiser = "over_advertiser"

    /// Whether it attacks packets or membership, and not only votes, entries or results.
    public var attacksNetwork: Bool {
        switch self {
        case .dropper, .selectiveDropper, .delayer, .replayer, .mutator, .babbler, .flooder, .sybilSwarm,
            .recordEquivocator, .clockLiar, .thirdPartyAccuser, .staleTeller, .handshakeAbuser:
            true
        default: false
        }
    }
}

/// A coalition with its members and powers.
public struct AdversaryPlan: Sendable, Hashable {
    public var name: String
    public var type: AdversaryType
    /// Ascending. Its members share what they know.
    public var peers: [Int]
    /// Whom it attacks, where the type has victims.
    public var victims: [Int]
    /// How often it acts where the honest peer would not: of all occasions.
    public var intensity: Chance
    /// What it may send beyond what its members would, bytes a second.
    public var bytesPerSecond: UInt64

    public init(
        name: String, type: AdversaryType, peers: [Int], victims: [Int] = [], intensity: Chance = .always,
        bytesPerSecond: UInt64 = 125_000
    ) {
        self.name = name
        self.type = type
        self.peers = peers
        self.victims = victims
        self.intensity = intensity
        self.bytesPerSecond = bytesPerSecond
    }
}
