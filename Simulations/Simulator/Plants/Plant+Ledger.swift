/// Plants of the groups C, L, J, R and E.
extension Plant {
    static let ledger: [Plant] = []
}
