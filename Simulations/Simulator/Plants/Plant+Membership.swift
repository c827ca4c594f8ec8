/// Plants of group M.
extension Plant {
    static let membership: [Plant] = []
}
