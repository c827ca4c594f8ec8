import Basis

extension AdversaryType {
    /// How members of such a coalition behave.
    var trick: any Trick {
        switch self {
        case .dropper: Dropper()
        case .selectiveDropper: SelectiveDropper()
        case .delayer: Delayer()
        case .replayer: Replayer()
        case .mutator: Mutator()
        case .babbler: Babbler()
        case .flooder: Flooder()
        case .sybilSwarm: SybilSwarm()
        case .recordEquivocator: RecordEquivocator()
        case .clockLiar: ClockLiar()
        case .thirdPartyAccuser: ThirdPartyAccuser()
        case .staleTeller: StaleTeller()
        case .handshakeAbuser: HandshakeAbuser()
        case .silentLeader: SilentLeader()
        case .equivocatingLeader: EquivocatingLeader()
        case .doubleVoter: DoubleVoter()
        case .finalizeNullifyVoter: FinalizeNullifyVoter()
        case .censor: Censor()
        case .turnSkipper: TurnSkipper()
        case .lateProposer: LateProposer()
        case .timeLiar: TimeLiar()
        case .badBlockProposer: BadBlockProposer()
        case .amnesiac: Amnesiac()
        case .falseAttester: FalseAttester()
        case .certificateForger: CertificateForger()
        case .doubleSpender: DoubleSpender()
        case .overspender: Overspender()
        case .nonceReplayer: NonceReplayer()
        case .dustSpammer: DustSpammer()
        case .idGrinder: IDGrinder()
        case .flakySubmitter: FlakySubmitter()
        case .inputWithholder: InputWithholder()
        case .lateCanceller: LateCanceller()
        case .wrongResult: WrongResult()
        case .sameWrongResult: SameWrongResult()
        case .toleranceWalker: ToleranceWalker()
        case .copier: Copier()
        case .commitNoReveal: CommitNoReveal()
        case .doubleCommitter: DoubleCommitter()
        case .silentWorker: SilentWorker()
        case .overAdvertiser: OverAdvertiser()
        }
    }

    /// Why members of such a coalition can only behave as honest peers for now; nil if they can do their worst.
    public var missing: String? {
        switch self {
        case .toleranceWalker: "comparators with a tolerance come with stage 2; equal answers have no edge to walk on"
        default: nil
        }
    }
}
