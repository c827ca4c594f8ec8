/// Plants of group S.
extension Plant {
    static let system: [Plant] = []
}
