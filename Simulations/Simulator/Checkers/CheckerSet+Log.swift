extension CheckerSet {
    /// Groups C, L, J, R and E.
    static let log: [any Checker.Type] = [
        PrefixesAgree.self, OneNotarizePerView.self, NoNullifyAndFinalize.self, FinalizesWhatIsNotarised.self,
        NotarisesValidBlocks.self, OneBlockPerView.self, CertificatesCount.self, VotesAreDurable.self,
        HeadersAreSound.self, LedgerClockIsCapped.self, StatesAgree.self, AttestsWhatItExecuted.self,
        BeaconIsFixedLate.self, FinalityIsFast.self, EntriesBecomeFinal.self, NothingFinalWithoutQuorum.self,
        ProofsVerify.self,
        CreditConserved.self, AmountsInRange.self, OneEntryPerNonce.self, EscrowResolvesOnce.self,
        EarningsHaveCause.self, PromisesStand.self, RestartsAreWhole.self, DebitsAreSigned.self, EqualsReference.self,
        DrawIsAFunction.self, DrawnOffersFit.self, SlotsHold.self, EdgesAreListed.self, EndedLeasesStayEnded.self,
        RevealsOpenCommits.self, WindowsStayOpen.self, FirstCommitStands.self, AttemptsArePaid.self, JobsEnd.self,
        SilenceIsReplaced.self, DrawsAreFair.self, InputsArrive.self, CoreIsSmallest.self, OrderDoesNotMatter.self,
        HonestAnswerWins.self, AcceptedWithinTolerance.self, WinnersAgree.self, ResultsStand.self, BundlesVerify.self,
        ResultsExist.self, UsageFitsFrame.self,
    ]
}
