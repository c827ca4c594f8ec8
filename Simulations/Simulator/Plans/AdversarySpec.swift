/// A coalition as a scenario asks for it (`simulation.md` 10).
public struct AdversarySpec: Sendable, Hashable {
    public var name: String
    public var type: AdversaryType
    /// Its members; nothing that is decided late, and not `submitters`.
    public var members: Selector
    /// Its members' addresses are moved into so many /16 networks; nil: they stay where they are.
    public var netgroups: Int?
    public var victims: Selector?
    public var intensity: Chance
    /// What it may send beyond what its members would, bytes a second.
    public var bytesPerSecond: UInt64

    public init(
        name: String, type: AdversaryType, members: Selector, netgroups: Int? = nil, victims: Selector? = nil,
        intensity: Chance = .always, bytesPerSecond: UInt64 = 125_000
    ) {
        self.name = name
        self.type = type
        self.members = members
        self.netgroups = netgroups
        self.victims = victims
        self.intensity = intensity
        self.bytesPerSecond = bytesPerSecond
    }
}

extension AdversaryType {
    /// Whom a coalition of this type is drawn from where only its size is given.
    public enum Home: Sendable, Hashable { case anyone, seats, submitters, workers }

    public var home: Home {
        switch self {
        case .silentLeader, .equivocatingLeader, .doubleVoter, .finalizeNullifyVoter, .censor, .turnSkipper,
            .lateProposer, .timeLiar, .badBlockProposer, .amnesiac, .falseAttester, .certificateForger:
            .seats
        case .idGrinder, .flakySubmitter, .inputWithholder, .lateCanceller: .submitters
        case .wrongResult, .sameWrongResult, .toleranceWalker, .copier, .commitNoReveal, .doubleCommitter,
            .silentWorker, .overAdvertiser:
            .workers
        default: .anyone
        }
    }

    /// What it does, in one line for `list adversaries`.
    public var meaning: String {
        switch self {
        case .dropper: "drops what it should pass on"
        case .selectiveDropper: "drops what concerns its victims"
        case .delayer: "passes things on late"
        case .replayer: "sends again what it captured"
        case .mutator: "sends changed copies of valid messages"
        case .babbler: "sends random bytes"
        case .flooder: "sends valid and useless messages"
        case .sybilSwarm: "many keys in few networks"
        case .recordEquivocator: "two records under one key and sequence"
        case .clockLiar: "records with sequences from the future"
        case .thirdPartyAccuser: "claims that others are dead"
        case .staleTeller: "tells old records"
        case .handshakeAbuser: "half-open handshakes and bad cookies"
        case .silentLeader: "proposes nothing when it leads"
        case .equivocatingLeader: "proposes different blocks to different seats"
        case .doubleVoter: "notarises two blocks of one view"
        case .finalizeNullifyVoter: "signs both finalize and nullify of a view"
        case .censor: "leaves entries of its victims out"
        case .turnSkipper: "withholds its beacon reveal"
        case .lateProposer: "proposes just before the others give up"
        case .timeLiar: "puts wrong times into headers"
        case .badBlockProposer: "proposes blocks that break the rules"
        case .amnesiac: "restarts from an old vote journal"
        case .falseAttester: "attests a wrong state root"
        case .certificateForger: "builds certificates that are too short, repeated or of another epoch"
        case .doubleSpender: "sends two entries under one nonce to different seats"
        case .overspender: "spends more than it has"
        case .nonceReplayer: "sends its applied entries again"
        case .dustSpammer: "sends many tiny transfers"
        case .idGrinder: "picks job ids until the draw suits it"
        case .flakySubmitter: "submits jobs whose results differ"
        case .inputWithholder: "opens jobs and does not serve their inputs"
        case .lateCanceller: "cancels jobs once work has begun"
        case .wrongResult: "answers wrongly, each member differently"
        case .sameWrongResult: "answers wrongly, all members alike"
        case .toleranceWalker: "answers at the edge of the tolerance"
        case .copier: "copies the commits and answers of others"
        case .commitNoReveal: "commits and never reveals"
        case .doubleCommitter: "commits twice under one lease"
        case .silentWorker: "takes leases and does nothing"
        case .overAdvertiser: "offers what it does not have"
        }
    }
}
