import Credits

/// Where planted bugs of the groups C, L, J, R and E sit in the shell of a world.
extension World {
    /// What leaves a peer as a receipt.
    func exported(_ receipt: Receipt) -> Receipt { receipt }
}
